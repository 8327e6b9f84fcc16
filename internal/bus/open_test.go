package bus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/natsserver"
	"hub/internal/relay"
)

func drill() bool { return os.Getenv("HUB_DRILL") == "1" }

// A store that does not open is put aside, with a warning.
func TestDamagedStore(t *testing.T) {
	config, log := newConfig()
	config.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(config.Dir, storeFolder), []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, config: config, log: log}
	for round := range 2 {
		r.open()
		r.told(line(0), 0, changes(line(0), 1, 2)...)
		r.bus.Close()
		aside, err := filepath.Glob(filepath.Join(config.Dir, damagedName+"*"))
		if err != nil || len(aside) != 1 || !strings.Contains(log.String(), "the broker's store does not open") {
			t.Fatalf("round %d: %v, %v\n%s", round, aside, err, log)
		}
		if round == 0 { // again, over a store with events
			if err := os.RemoveAll(filepath.Join(config.Dir, storeFolder)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(config.Dir, storeFolder), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every file of the store is damaged in turn, each as a disk does it. Whatever the server makes of it, the hub opens and
// tells, and never says that the broker holds what it lost.
func TestDamagedFiles(t *testing.T) {
	config, log := newConfig()
	origin := t.TempDir()
	config.Dir = origin
	r := &rig{T: t, config: config, log: log}
	r.open()
	list := changes(line(0), 1, 50)
	created, err := r.bus.Created(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mark := relay.Mark{Created: created, Position: r.told(line(0), 0, list...), Change: list[49].ID, At: config.Clock()}
	r.bus.Close()
	var files []string
	if err := filepath.WalkDir(origin, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	cases, lost := 0, 0
	for _, file := range files {
		for name, damage := range map[string]func([]byte) []byte{
			"empty":   func([]byte) []byte { return nil },
			"half":    func(b []byte) []byte { return b[:len(b)/2] },
			"garbage": func(b []byte) []byte { return []byte(strings.Repeat("x", len(b))) },
		} {
			cases++
			r.config.Dir = filepath.Join(t.TempDir(), "copy")
			copyFolder(t, origin, r.config.Dir)
			relative, err := filepath.Rel(origin, file)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(r.config.Dir, relative)
			content, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, damage(content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			r.open()
			m, err := r.bus.Last(t.Context(), line(0))
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", name, relative, err, log)
			}
			holds, err := r.bus.Holds(t.Context(), mark)
			if err != nil || holds && m.Sequence != 50 { // a stream that was made anew over old messages is another one
				t.Errorf("%s %s: holds is %v, %v, and the last change is %d", name, relative, holds, err, m.Sequence)
			}
			if m.Sequence != 50 {
				lost++
			}
			r.told(line(0), m.Position, changes(line(0), m.Sequence+1, 51)...)
			r.bus.Close()
		}
	}
	t.Logf("%d damages of %d files, %d with loss, each noticed", cases, len(files), lost)
}

// An external broker that is away is no error; the bus works when it comes.
func TestBrokerThatIsAway(t *testing.T) {
	process := natsserver.Start(t)
	process.Stop()
	config, log := newConfig()
	config.URL = process.URL()
	r := &rig{T: t, config: config, process: process, log: log}
	r.open()
	if err := r.bus.Health(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("health: %v", err)
	}
	x := r.bus.Publish(t.Context(), []relay.Run{{Line: line(0), Changes: changes(line(0), 1, 2)}})[0]
	if hub.KindOf(x.Err) != hub.KindUnavailable || x.Count != 0 {
		t.Errorf("publishing: %+v", x)
	}
	if _, err := r.bus.Last(t.Context(), line(0)); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("last: %v", err)
	}
	if _, err := r.bus.Holds(t.Context(), relay.Mark{Created: time.Now()}); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("holds: %v", err)
	}
	process.Restart(t)
	r.ready()
	r.told(line(0), 0, changes(line(0), 1, 2)...)
}

// Credentials work, those of the first host serve for all, and nothing prints them.
func TestCredentialsStaySecret(t *testing.T) {
	const secret = "canary-password"
	process := natsserver.Start(t, fmt.Sprintf("authorization { user: hub, password: %q }", secret))
	host := strings.TrimPrefix(process.URL(), "nats://")
	config, log := newConfig()
	config.URL = "nats://hub:" + secret + "@127.0.0.1:1," + host
	r := &rig{T: t, config: config, process: process, log: log}
	r.open()
	r.ready()
	r.told(line(0), 0, changes(line(0), 1, 1)...)
	r.process.Kill()
	errs := fmt.Sprint(r.bus.Health(t.Context()), r.bus.Publish(t.Context(), []relay.Run{{Line: line(0), Changes: changes(line(0), 2, 2)}}))
	for _, list := range []string{
		"nats://hub:" + secret + "@", "http://hub:" + secret + "@x", "nats://hub:" + secret + "@x:no", "nats://hub:" + secret + "@[x", "nats://a," + secret + "%zz",
	} {
		_, err := Open(context.Background(), Config{URL: list, Log: config.Log, Clock: config.Clock, Window: time.Hour})
		if hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", list, err)
		}
		errs += fmt.Sprintf("%v %+v", err, err)
	}
	wrong := config
	wrong.URL = "nats://hub:" + secret + "-not@" + host
	process.Restart(t)
	b, err := Open(t.Context(), wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	errs += fmt.Sprint(b.Health(t.Context()))
	if all := errs + log.String(); strings.Contains(all, secret) {
		t.Errorf("the password is in %s", all)
	}
}

// On three servers each event is on all of them, and one that dies takes nothing with it.
func TestCluster(t *testing.T) {
	servers := natsserver.Cluster(t)
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL())
	}
	config, log := newConfig()
	config.URL = strings.Join(urls, ",")
	r := &rig{T: t, config: config, log: log}
	r.open()
	r.ready()
	at := r.told(line(0), 0, changes(line(0), 1, 1500)...)
	s, err := r.bus.js.Stream(t.Context(), StreamOrders)
	if err != nil || s.CachedInfo().Config.Replicas != wantReplicas {
		t.Fatalf("%+v, %v", s.CachedInfo().Config, err)
	}
	leader := s.CachedInfo().Cluster.Leader
	for _, p := range servers {
		var v struct {
			Name string `json:"server_name"`
		}
		if err := p.Get(t.Context(), "/varz", &v); err != nil {
			t.Fatal(err)
		}
		if v.Name == leader {
			p.Kill()
		}
	}
	r.eventually("the rest goes in", func() bool {
		short, cancel := context.WithTimeout(t.Context(), time.Second) // nobody answers until there is a new leader
		defer cancel()
		m, err := r.bus.Last(short, line(0))
		if err != nil {
			return false
		}
		if m.Position < at {
			t.Fatalf("told up to %d, and there is %d", at, m.Position)
		}
		if m.Sequence == 3000 {
			return true
		}
		x := r.bus.Publish(short, []relay.Run{{Line: line(0), After: m.Position, Changes: changes(line(0), m.Sequence+1, 3000)}})[0]
		return x.Err == nil
	})
	t.Logf("%d events in order", r.inOrder(map[relay.Line]int64{line(0): 3000}))
}
