package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/internal/connect"
	"hub/internal/store"
	"hub/internal/tenancy"
)

// keeperVariable makes this test binary a keeper.
const keeperVariable = "KEEPER_OF_TESTS"

func TestMain(m *testing.M) {
	if os.Getenv(keeperVariable) != "" {
		if err := Keep(os.Stdin); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// held is a control database in which one refresh is intended.
type held struct {
	*testing.T
	store   *store.Store
	control string
	errand  connect.Errand
	calls   atomic.Int64
	release chan struct{} // nil: the platform answers at once
	asked   chan struct{}
}

func intended(t *testing.T) *held {
	t.Helper()
	dir := t.TempDir()
	h := &held{T: t, control: "sqlite:" + filepath.Join(dir, "control.db"), asked: make(chan struct{}, 8)}
	cfg := store.Config{
		Shards: []string{"sqlite:" + filepath.Join(dir, "0.db")}, Control: h.control, Vault: "sqlite:" + filepath.Join(dir, "vault.db"),
		Clock: SystemClock, IDs: NewIDs(),
	}
	var err error
	if h.store, err = store.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close(context.Background()) })
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.calls.Add(1)
		h.asked <- struct{}{}
		if h.release != nil {
			<-h.release
		}
		_, _ = w.Write(append([]byte("next of "), body...))
	}))
	t.Cleanup(platform.Close)
	y, c := h.store.Tenancy(), h.store.Connect()
	shop := connect.NewShop{Shop: connect.Shop{ID: "con_1", Tenant: "ten_1", App: "app_1", Platform: hub.Shopee, Environment: "sandbox", Account: "42"}, Endpoint: "e"}
	var lease connect.Leased
	for _, step := range []func() error{
		func() error { return y.AddTenant(t.Context(), tenancy.Tenant{ID: "ten_1", Name: "a"}) },
		func() error {
			return y.AddApp(t.Context(), tenancy.App{ID: "app_1", Platform: hub.Shopee, Endpoint: "a"})
		},
		func() error { return c.Connect(t.Context(), shop, connect.Grant{Sealed: []byte("pair")}) },
		func() (err error) { lease, err = c.Lease(t.Context(), "con_1", "hub-1", time.Minute); return err },
		func() error {
			return c.Intend(t.Context(), connect.Intent{Connection: "con_1", Epoch: lease.Epoch, Generation: 1, Key: []byte("k")})
		},
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	h.errand = connect.Errand{
		Connection: "con_1", Epoch: lease.Epoch, Key: bytes.Repeat([]byte{7}, 32), Method: "POST", URL: platform.URL + "/token",
		Body: []byte("CANARY-refresh"), Timeout: 10 * time.Second, At: SystemClock(), Environment: "sandbox", Base: platform.URL,
	}
	return h
}

// answered returns the answer as it is stored, nil while there is none.
func (h *held) answered() []byte {
	h.Helper()
	l, err := h.store.Connect().Lease(h.Context(), "con_1", "hub-1", time.Minute)
	if err != nil {
		h.Fatal(err)
	}
	for _, e := range l.Errands {
		return e.Answer
	}
	return nil
}

func (h *held) keeper() keeper {
	return keeper{command: []string{os.Args[0]}, control: h.control, logger: slog.New(slog.DiscardHandler)}
}

// A keeper makes the call and stores the sealed answer in the database that the hub has open at the same time.
func TestKeeperProcess(t *testing.T) {
	h := intended(t)
	t.Setenv(keeperVariable, "1")
	if err := h.keeper().Send(t.Context(), h.errand); err != nil {
		t.Fatal(err)
	}
	sealed := h.answered()
	if h.calls.Load() != 1 || len(sealed) == 0 || bytes.Contains(sealed, []byte("next of")) {
		t.Errorf("%d calls, stored %q", h.calls.Load(), sealed)
	}
}

// Whoever began a keeper may be gone before the platform answers: the keeper goes on.
func TestKeeperOutlives(t *testing.T) {
	h := intended(t)
	h.release = make(chan struct{})
	t.Setenv(keeperVariable, "1")
	ctx, gone := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- h.keeper().Send(ctx, h.errand) }()
	<-h.asked
	gone()
	if err := <-sent; hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("waiting ended with %v", err)
	}
	if h.answered() != nil {
		t.Error("there is an answer already")
	}
	close(h.release)
	for begun := time.Now(); h.answered() == nil; {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("the answer never came")
		}
		<-time.After(5 * time.Millisecond)
	}
}

// A keeper whose lease was lost, or whose order is cut, sends nothing, and no error tells what it was to send.
func TestKeeperRefuses(t *testing.T) {
	h := intended(t)
	whole, err := json.Marshal(order{h.control, h.errand})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"nothing": nil, "half": whole[:len(whole)/2], "no control": []byte(`{"control":"","errand":{}}`)} {
		if err := Keep(bytes.NewReader(text)); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h.answered() != nil { // it took the lease anew
		t.Error("an answer")
	}
	if err := Keep(bytes.NewReader(whole)); hub.CodeOf(err) != hub.CodeStaleEpoch {
		t.Errorf("after its lease was lost: %v", err)
	}
	if h.calls.Load() != 0 {
		t.Errorf("%d calls", h.calls.Load())
	}
}

// Where no process can be begun the hub makes the call itself.
func TestKeeperInstead(t *testing.T) {
	h := intended(t)
	k := h.keeper()
	k.command = []string{filepath.Join(t.TempDir(), "missing")}
	k.instead = connect.Send{Transport: transport, Errands: h.store.Connect()}
	if err := k.Send(t.Context(), h.errand); err != nil || h.calls.Load() != 1 || h.answered() == nil {
		t.Errorf("%v, %d calls", err, h.calls.Load())
	}
}

// A keeper gets none of the hub's settings, which hold passwords.
func TestKeeperEnvironment(t *testing.T) {
	got := withoutSecrets([]string{"PATH=/bin", "HUB_STORE=mysql:secret", "SSL_CERT_FILE=x"})
	if strings.Join(got, " ") != "PATH=/bin SSL_CERT_FILE=x" {
		t.Error(got)
	}
}
