package hubtest_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hub/internal/demo"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
)

// TestDrillVaultAway takes the vault's server away from a hub, killed or frozen: it goes on to accept and to serve what is
// not personal, and serves nothing personal five seconds later, until the vault is back. A hub that starts without a vault
// accepts, too.
func TestDrillVaultAway(t *testing.T) {
	t.Parallel()
	vault := mariadb.Start(t)
	size := hubtest.OnTwoServers(t, mariadb.Shared(t), vault)
	data, page := t.TempDir(), filepath.Join(t.TempDir(), "probe")
	start := func() *hubtest.Process {
		h := hubtest.Spawn(t, size, data, page)
		if err := h.Await(); err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := start()
	w := found(t, h, "Town", 6)
	for _, how := range []struct {
		name       string
		away, back func()
		restart    bool
		lasts      time.Duration
	}{
		{"killed", vault.Kill, func() { vault.Restart(t) }, false, leaseLength + 2*time.Second},
		{"frozen", func() { vault.Pause(t) }, func() { vault.Resume(t) }, false, leaseLength + 4*time.Second},
		{"killed before the hub starts", vault.Kill, func() { vault.Restart(t) }, true, 2 * time.Second},
	} {
		o := &outage{w: w, url: h.URL}
		o.begin(t)
		if how.restart {
			o.end()
			h.Kill(t)
			how.away()
			h = start()
			w.moved(h.URL)
			o = &outage{w: w, url: h.URL, away: time.Now().Add(-leaseLength)}
			o.begin(t)
		} else {
			<-time.After(300 * time.Millisecond)
			how.away()
			o.since(time.Now())
		}
		<-time.After(how.lasts)
		if said, err := probe(h.URL); err != nil || !strings.Contains(said, `"degraded"`) || !strings.Contains(said, "vault") {
			t.Errorf("%s: /readyz within %v: %s, %v", how.name, probeTimeout, said, err)
		}
		back := time.Now()
		how.back()
		o.awaitPersonal(t)
		recovered := time.Since(back)
		o.end()
		for _, p := range w.People {
			for _, n := range p.Orders {
				w.awaitOrder(t, n, time.Time{})
			}
		}
		o.judge(t, how.name, back, recovered, !how.restart)
	}
	h.Terminate(t)
}

// probeTimeout is how long whoever watches the hub waits for /readyz, and more than such programs do by default: the machine is
// busy.
const probeTimeout = 3 * time.Second

// probe is /readyz as a load balancer asks it, which takes a hub away that does not answer.
func probe(url string) (string, error) {
	client := &http.Client{Timeout: probeTimeout}
	defer client.CloseIdleConnections()
	answer, err := client.Get(url + "/readyz")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// outage is what clients see of one.
type outage struct {
	w    *town
	url  string
	stop context.CancelFunc
	all  sync.WaitGroup

	mu       sync.Mutex
	away     time.Time // when the vault went
	personal []answer
	plain    []answer
	accepted int
	refused  []error
	slowest  time.Duration // answer of the door
}

func (o *outage) since(at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = at
}

// begin has clients read with and without personal fields, and a shop deliver orders of people whom the hub knows and of
// new ones.
func (o *outage) begin(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	o.stop = stop
	ids := o.w.ids(t)
	order := "/v1/orders/" + ids[o.w.People[0].Orders[0]]
	o.follow(ctx, order+"?include=personal", &o.personal)
	o.follow(ctx, "/v1/orders/feed?include=personal", &o.personal)
	o.follow(ctx, order, &o.plain)
	path := o.w.HookURL[strings.Index(o.w.HookURL, "/hooks/"):]
	o.all.Go(func() {
		client := &http.Client{Timeout: 20 * time.Second}
		defer client.CloseIdleConnections()
		for ; ctx.Err() == nil; <-time.After(100 * time.Millisecond) {
			_, bodies := o.w.register()
			for _, body := range bodies {
				begun := time.Now()
				err := deliver(context.WithoutCancel(ctx), client, o.url+path, body)
				o.mu.Lock()
				if o.slowest = max(o.slowest, time.Since(begun)); err != nil {
					o.refused = append(o.refused, err)
				}
				o.accepted++
				o.mu.Unlock()
			}
		}
	})
}

func (o *outage) follow(ctx context.Context, path string, into *[]answer) {
	reader := demo.Client{HTTP: &http.Client{Timeout: 20 * time.Second}, URL: o.url, Key: o.w.reader.Key}
	o.all.Go(func() {
		defer reader.HTTP.CloseIdleConnections()
		for ; ctx.Err() == nil; <-time.After(20 * time.Millisecond) {
			a, err := get(context.WithoutCancel(ctx), reader, path, requestID())
			if err != nil {
				a = answer{code: err.Error(), ended: time.Now()}
			}
			o.mu.Lock()
			*into = append(*into, a)
			o.mu.Unlock()
		}
	})
}

func (o *outage) end() {
	o.stop()
	o.all.Wait()
}

// awaitPersonal returns when personal fields are served again.
func (o *outage) awaitPersonal(t *testing.T) {
	t.Helper()
	from := time.Now()
	for until := from.Add(60 * time.Second); time.Now().Before(until); <-time.After(20 * time.Millisecond) {
		o.mu.Lock()
		last := answer{}
		if n := len(o.personal); n > 0 {
			last = o.personal[n-1]
		}
		o.mu.Unlock()
		if last.begun.After(from) && last.status == http.StatusOK {
			return
		}
	}
	t.Error("personal fields are not served again")
}

// slack is how long an answer may take from the hub's last check to a client on a busy machine.
const slack = time.Second

// judge looks at what was answered while the vault was away.
func (o *outage) judge(t *testing.T, name string, back time.Time, recovered time.Duration, served bool) {
	t.Helper()
	var within, late, refused, plain int
	var longest, slowest time.Duration
	codes := map[string]int{}
	for _, a := range o.personal {
		switch {
		case a.ended.Before(o.away) || a.ended.After(back):
		case a.status == http.StatusOK:
			within++
			if longest = max(longest, a.ended.Sub(o.away)); a.ended.Sub(o.away) > leaseLength+slack {
				late++
			}
		default:
			refused++
			codes[a.code]++
			slowest = max(slowest, a.ended.Sub(a.begun))
		}
	}
	for _, a := range o.plain {
		if plain++; a.status != http.StatusOK {
			t.Errorf("%s: a read without personal fields was answered %d %s", name, a.status, a.code)
		}
	}
	if len(o.refused) > 0 {
		t.Errorf("%s: %d of %d deliveries were refused, first %v", name, len(o.refused), o.accepted, o.refused[0])
	}
	if late > 0 || refused == 0 || served && within == 0 {
		t.Errorf("%s: %d personal reads served within the lease, %d after it, %d refused", name, within, late, refused)
	}
	for code := range codes {
		if code != "vault_stale" && code != "not_reconciled" {
			t.Errorf("%s: personal reads were answered %q", name, code)
		}
	}
	t.Logf("vault %s: personal fields served for %s, %d answers of that, then %d refused (%v), the slowest after %s; back %s after the vault. %d plain reads and %d deliveries, "+
		"none refused, slowest delivery %s", name, longest.Round(time.Millisecond), within, refused, codes, slowest.Round(time.Millisecond), recovered.Round(time.Millisecond), plain,
		o.accepted, o.slowest.Round(time.Millisecond))
}
