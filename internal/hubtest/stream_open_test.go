package hubtest_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/hubtest"
)

// TestBrokerOpensLate has the store of the embedded broker take for ever to open, as a large one seems to: its description
// is a pipe that nobody writes to. The hub serves and drains meanwhile and says what it waits for; it stops in time; and
// once the store opens, everything is told that was accepted meanwhile.
func TestBrokerOpensLate(t *testing.T) {
	data, probe := t.TempDir(), filepath.Join(t.TempDir(), "probe")
	size := hubtest.Embedded("1")
	hub := hubtest.Spawn(t, size, data, probe)
	if err := hub.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, _ := connect(t, hub.Operator(), 1)
	m := merchants[0]
	shop := shopify.New(shopDomain(m.Shop.Tenant), secret, 1, time.Now())
	place := func(n int) {
		t.Helper()
		for range n {
			m.post(t.Context(), http.DefaultClient, hub.URL, shop.Deliver("orders/create", shop.Place()))
		}
		m.ERP.URL = hub.URL
		waitForAll(t, m)
	}
	ready := func(want string) {
		t.Helper()
		said := ""
		for until := time.Now().Add(60 * time.Second); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
			if said, _ = readyz(hub.URL); strings.Contains(said, want) {
				return
			}
		}
		t.Fatalf("/readyz never says %q: %s", want, said)
	}
	place(5)
	hub.Terminate(t)

	open := clog(t, filepath.Join(data, "jetstream", "jetstream", "$G", "streams", "HUB_ORDERS", "meta.inf"))
	for round := range 2 {
		begin := time.Now()
		hub = hubtest.Spawn(t, size, data, probe)
		if err := hub.Await(); err != nil {
			t.Fatal(err)
		}
		served := time.Since(begin)
		ready("it is being opened")
		place(5)
		begin = time.Now()
		if round == 0 {
			hub.Terminate(t)
			t.Logf("served after %v and stopped in %v while the store was being opened", served, time.Since(begin))
		}
		if served > 15*time.Second || time.Since(begin) > 15*time.Second {
			t.Errorf("served after %v, stopped in %v", served, time.Since(begin))
		}
	}
	open()
	ready(`"ok"`)
	hub.Terminate(t)
	h := hubtest.Start(t, size, data, app.Options{Logger: hubtest.Logger(t)})
	m.ERP.URL = h.URL()
	hearing, stop := context.WithCancel(t.Context())
	ear := &listener{}
	deaf := ear.inside(hearing, t, h, "late")
	ear.complete(t, merchants)
	stop()
	deaf.Wait()
	if v, changes, repeated := ear.compare(t, merchants); v.sum()+repeated > 0 || changes != 15 {
		t.Errorf("%d changes, %d of them twice, %+v", changes, repeated, v)
	}
	h.Stop(t)
}

// clog puts a pipe in the place of a file, and returns what lets the file through and puts it back.
func clog(t *testing.T, path string) (open func()) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.Rename(path, path+".kept")
	}
	if err == nil {
		err = syscall.Mkfifo(path, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		pipe, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for who reads
		if err == nil {
			err = os.Rename(path+".kept", path) // for who reads it again
		}
		if err == nil {
			_, err = pipe.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := pipe.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
