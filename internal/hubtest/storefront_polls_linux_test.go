package hubtest_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// polls watches which process lists the orders of which shop, and when.
type polls struct {
	every time.Duration // from the end of one poll of a shop to the next

	mu     sync.Mutex
	on     bool
	hubs   map[int]string // names by process
	shaken map[int]bool   // processes that were paused in this life: their lease may have been taken over
	last   map[string]listed
	count  map[string]int // list calls by the name of the hub
	taken  int            // shops that went from one hub to another within a poll, beside a pause or a kill
	doubly int            // and without one
	owner  map[string]int // processes by the address of their end of the connection
}

// listed is the last list call for a shop.
type listed struct {
	pid int
	at  time.Time // when it ended
}

func newPolls(every time.Duration) *polls {
	return &polls{
		every: every, hubs: map[int]string{}, shaken: map[int]bool{}, last: map[string]listed{}, count: map[string]int{}, owner: map[string]int{},
	}
}

// begin starts to count.
func (p *polls) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on, p.count = true, map[string]int{}
}

// lives notes a new process of a hub. The former one may have died in the middle of a poll.
func (p *polls) lives(pid int, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, known := range p.hubs {
		if known == name {
			p.shaken[other] = true
		}
	}
	p.hubs[pid] = name
}

// shake notes that a process is paused.
func (p *polls) shake(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shaken[pid] = true
}

// state forgets whose a connection was when it ends: its port may be another's next.
func (p *polls) state(c net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateNew {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.owner, c.RemoteAddr().String())
	}
}

// dwell is how long a list call takes here, so that two at the same time meet.
const dwell = 50 * time.Millisecond

// listing watches a list call; end is called when it is answered. The next poll of a shop begins p.every after the end of the
// one before, so two hubs that list within less are polling at the same time.
func (p *polls) listing(r *http.Request, body []byte) (end func()) {
	account := listCall(r, body)
	if account == "" {
		return func() {}
	}
	pid := p.whose(r.RemoteAddr)
	p.mu.Lock()
	before, known := p.last[account]
	if p.on {
		p.count[p.hubs[pid]]++
		if known && pid != 0 && before.pid != pid && time.Since(before.at) < p.every*9/10 {
			if p.shaken[pid] || p.shaken[before.pid] {
				p.taken++
			} else {
				p.doubly++
			}
		}
	}
	if pid != 0 { // one that died since
		p.last[account] = listed{pid, time.Now()}
	}
	p.mu.Unlock()
	<-time.After(dwell)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.last[account].pid == pid {
			p.last[account] = listed{pid, time.Now()}
		}
	}
}

// listCall is the shop whose changed orders a call lists; "" for another call.
func listCall(r *http.Request, body []byte) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/order/get_order_list") && r.URL.Query().Get("time_range_field") == "update_time":
		return r.URL.Query().Get("shop_id")
	case strings.HasSuffix(r.URL.Path, "/orders/search") && strings.Contains(r.URL.RawQuery, "date_last_updated"):
		return r.URL.Query().Get("seller")
	case strings.HasSuffix(r.URL.Path, "/graphql.json") && bytes.Contains(body, []byte("updated_at:")):
		shop, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/shops/"), "/")
		return shop
	}
	return ""
}

// whose is the process at the other end of a connection on this machine; 0 when it cannot be told.
func (p *polls) whose(remote string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pid, known := p.owner[remote]; known {
		return pid
	}
	inode := socketOf(remote)
	for pid := range p.hubs {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is a good one
		for _, file := range files {
			if to, err := os.Readlink(file); err == nil && inode != "" && to == "socket:["+inode+"]" {
				p.owner[remote] = pid
				return pid
			}
		}
	}
	return 0
}

// socketOf is the inode of the socket with a local IPv4 address.
func socketOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	number, bad := strconv.Atoi(port)
	ip := net.ParseIP(host).To4()
	text, unread := os.ReadFile("/proc/net/tcp")
	if err != nil || bad != nil || ip == nil || unread != nil {
		return ""
	}
	local := fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], number)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 9 && words[1] == local {
			return words[9]
		}
	}
	return ""
}
