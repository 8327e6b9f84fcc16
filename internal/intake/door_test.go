package intake

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/wal"
)

// paper is a log that keeps what it is given, or fails.
type paper struct {
	records [][]byte
	err     error
	hangs   bool
}

func (p *paper) Append(ctx context.Context, payload []byte) (wal.Index, error) {
	if p.hangs {
		<-ctx.Done()
		return 0, fmt.Errorf("appending: %w: %w", wal.ErrOutcomeUnknown, ctx.Err())
	}
	if p.err != nil {
		return 0, p.err
	}
	p.records = append(p.records, bytes.Clone(payload))
	return wal.Index(len(p.records)), nil
}

type brokenSealer struct{}

func (b brokenSealer) Use() gdpr.IntakeLease                         { return b }
func (brokenSealer) Done()                                           {}
func (brokenSealer) Seal([]byte, gdpr.Place, []byte) ([]byte, error) { return nil, errSurprise }
func (brokenSealer) Open(gdpr.Place, []byte) ([]byte, error)         { return nil, errSurprise }

// noSecrets is a directory in which no secret could be opened.
type noSecrets struct{ Directory }

func (n noSecrets) Endpoint(p hub.Platform, token string) (Endpoint, bool) {
	e, ok := n.Directory.Endpoint(p, token)
	e.Secrets = nil
	return e, ok
}

func newDoor(t *testing.T) (*Door, *paper) {
	key, err := gdpr.OpenIntakeKeys(t.Context(), t.TempDir(), []gdpr.Root{gdpr.NewRoot(1, [32]byte{9})})
	if err != nil {
		t.Fatal(err)
	}
	log := &paper{}
	return &Door{
		Platforms: map[hub.Platform]driver.Storefront{hub.Shopify: &script{}}, Directory: connections(), Key: key, Log: log,
		Full: func() bool { return false }, Clock: now, IDs: func() [16]byte { return [16]byte{1} }, Timeout: time.Second,
	}, log
}

// Whatever is wrong, the answer is an error of the right kind and nothing is stored.
func TestDoorRefuses(t *testing.T) {
	good := request("a", "1", "shop-a order 1 1 x")
	forged := request("b", "1", "shop-a order 1 1 x")
	forged.Token = "token-a"
	for _, c := range []struct {
		name    string
		request Request
		broken  func(*Door, *paper)
		kind    hub.Kind
	}{
		{"unknown endpoint", Request{Platform: hub.Shopify, Token: "token-x", Header: good.Header, Body: good.Body}, nil, hub.KindNotFound},
		{"no token", Request{Platform: hub.Shopify, Header: good.Header, Body: good.Body}, nil, hub.KindNotFound},
		{"unknown platform", Request{Platform: "etsy", Token: good.Token, Header: good.Header, Body: good.Body}, nil, hub.KindNotFound},
		{"forged", forged, nil, hub.KindUnauthentic},
		{"secrets that do not open", good, func(d *Door, _ *paper) { d.Directory = noSecrets{d.Directory} }, hub.KindUnavailable},
		{"forged while full", forged, func(d *Door, _ *paper) { d.Full = func() bool { return true } }, hub.KindUnauthentic},
		{"full", good, func(d *Door, _ *paper) { d.Full = func() bool { return true } }, hub.KindUnavailable},
		{"disk error", good, func(_ *Door, p *paper) { p.err = errDisk }, hub.KindUnavailable},
		{"disk full", good, func(_ *Door, p *paper) { p.err = fmt.Errorf("%w: %w", wal.ErrFull, syscall.ENOSPC) }, hub.KindUnavailable},
		{"outcome unknown", good, func(_ *Door, p *paper) { p.err = wal.ErrOutcomeUnknown }, hub.KindUnavailable},
		{"log stopped", good, func(_ *Door, p *paper) { p.err = &wal.StoppedError{Op: "syncing", Err: errDisk} }, hub.KindUnavailable},
		{"log closed", good, func(_ *Door, p *paper) { p.err = wal.ErrClosed }, hub.KindUnavailable},
		{"too large", good, func(_ *Door, p *paper) { p.err = wal.ErrTooLarge }, hub.KindTooLarge},
		{"timeout", good, func(_ *Door, p *paper) { p.hangs = true }, hub.KindUnavailable},
		{"sealing", good, func(d *Door, _ *paper) { d.Key = brokenSealer{} }, hub.KindInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, log := newDoor(t)
				if c.broken != nil {
					c.broken(d, log)
				}
				start := time.Now()
				err := d.Accept(t.Context(), c.request)
				if err == nil || hub.KindOf(err) != c.kind || len(log.records) != 0 {
					t.Fatalf("Accept: %v (%s), %d stored; want %s", err, hub.KindOf(err), len(log.records), c.kind)
				}
				if took := time.Since(start); took > d.Timeout {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A record opens to the delivery, shows nothing of it, and names the tenant that the verified body leads to.
func TestDoorRoutes(t *testing.T) {
	for _, c := range []struct {
		name, endpoint, body string
		tenant               hub.TenantID
		connection           hub.ConnectionID
		account              string
	}{
		{"own endpoint", "a", "shop-a order 1 1", "ten_a", "con_a", "shop-a"},
		{"own endpoint, other shop in the body", "a", "shop-b order 1 1", "ten_a", "con_a", "shop-a"},
		{"app, known shop", "all", "shop-b order 1 1", "ten_b", "con_b", "shop-b"},
		{"app, unknown shop", "all", "shop-x order 1 1", hub.Operator, "", "shop-x"},
		{"app, no shop", "all", "- order 1 1", hub.Operator, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, log := newDoor(t)
			if err := d.Accept(t.Context(), request(c.endpoint, "7", c.body+" "+canary)); err != nil {
				t.Fatal(err)
			}
			record := log.records[0]
			var it item
			if err := it.open(d.Key, record); err != nil {
				t.Fatal(err)
			}
			if it.head.Tenant != c.tenant || it.head.Connection != c.connection || it.delivery.Account != c.account {
				t.Errorf("routed to %+v, account %q", it.head, it.delivery.Account)
			}
			if string(it.delivery.Body) != c.body+" "+canary || it.delivery.DeliveryID != "7" || it.delivery.Topic != "orders/create" ||
				it.delivery.APIVersion != "2026-10" || !it.delivery.ReceivedAt.Equal(it.head.ReceivedAt) {
				t.Errorf("delivery %+v", it.delivery)
			}
			if bytes.Contains(record, []byte(canary)) || bytes.Contains(record, []byte("secret-")) || bytes.Contains(record, []byte("token-")) {
				t.Error("the record shows what it must not")
			}
		})
	}
}

// A header that names another shop that the hub knows keeps a delivery out of this one's books. It chooses no shop, and a
// name that nobody knows (a shop may be renamed) changes nothing.
func TestHeaderOfAnotherShop(t *testing.T) {
	for shop, want := range map[string]hub.TenantID{"": "ten_a", "shop-a": "ten_a", "shop-renamed": "ten_a", "shop-b": hub.Operator} {
		d, log := newDoor(t)
		r := request("a", "7", "shop-a order 1 1")
		r.Header.Set("Shop", shop)
		if err := d.Accept(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		h, _, _, err := splitRecord(log.records[0])
		if err != nil || h.Tenant != want || (h.Connection == "") != (want == hub.Operator) {
			t.Errorf("header %q: %+v, %v", shop, h, err)
		}
	}
}

// What comes to an app for a shop that has left is answered and kept by nobody, and counted; what somebody must act on is
// kept, and so is what is not signed well refused.
func TestDeliveriesOfAShopThatLeft(t *testing.T) {
	for _, c := range []struct {
		name, endpoint, topic, body string
		stored, dropped             int
		kind                        hub.Kind
	}{
		{"an order", "all", "orders/create", "shop-left order 1 1", 0, 1, 0},
		{"a privacy request", "all", "customers/redact", "shop-left order 1 1", 1, 0, 0},
		{"of a shop that nobody knows", "all", "orders/create", "shop-x order 1 1", 1, 0, 0},
		{"of a shop that is there", "all", "orders/create", "shop-a order 1 1", 1, 0, 0},
		{"of no shop", "all", "orders/create", "- order 1 1", 1, 0, 0},
		{"to another shop's own address", "a", "orders/create", "shop-left order 1 1", 1, 0, 0},
		{"forged", "all", "orders/create", "shop-left order 1 1", 0, 0, hub.KindUnauthentic},
	} {
		d, log := newDoor(t)
		dropped := 0
		d.Dropped = func(p hub.Platform) {
			if dropped++; p != hub.Shopify {
				t.Errorf("%s: dropped on %q", c.name, p)
			}
		}
		r := request(c.endpoint, "1", c.body)
		r.Header.Set("Topic", c.topic)
		if c.kind != 0 {
			r.Header.Set("Secret", "x")
		}
		err := d.Accept(t.Context(), r)
		if (err != nil) != (c.kind != 0) || err != nil && hub.KindOf(err) != c.kind || len(log.records) != c.stored || dropped != c.dropped {
			t.Errorf("%s: %v, %d stored and %d dropped, want %d and %d", c.name, err, len(log.records), dropped, c.stored, c.dropped)
		}
	}
	d, _ := newDoor(t)
	if err := d.Accept(t.Context(), request("all", "1", "shop-left order 1 1")); err != nil {
		t.Errorf("while nobody counts: %v", err)
	}
}

// What no connection wants is parked with the operator, and holds back nobody.
func TestOperatorLevel(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.run(d)
		r.deliver("all", "1", "shop-x order 1 1")
		r.deliver("all", "2", "- order 1 1")
		r.deliver("all", "3", "shop-a order 1 1")
		r.orders("c", 100, 10)
		r.drained(d)
		r.once("s1", 11)
		parked := r.parked("s1")
		if len(parked) != 2 || parked[0].Tenant != hub.Operator || parked[0].Code != hub.CodeNoTarget {
			t.Fatalf("parked %+v", parked)
		}
		plain, err := r.pipeline.Keys.Open(t.Context(), gdpr.ParkedPlace(hub.Operator, parked[0].ID), parked[0].Sealed)
		if err != nil || bytes.Contains(parked[0].Sealed, []byte(canary)) || !bytes.Contains(plain, []byte(canary)) {
			t.Errorf("the parked body opens to %d bytes (%v)", len(plain), err)
		}
	})
}

// A payload is sealed under everybody who is in it.
func TestPayloadBelongsToAll(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.run(d)
		r.deliver("a", "1", "shop-a pair 1 1")
		r.drained(d)
		r.once("s1", 2)
		for _, raw := range r.store.of("s1").raws {
			place := rawPlace("ten_a", raw.Ref)
			plain, err := r.pipeline.Keys.Open(t.Context(), place, raw.Sealed)
			if err != nil || !bytes.Contains(plain, []byte(canary)) {
				t.Fatalf("payload does not open: %v", err)
			}
		}
		var one string
		for _, k := range r.vault.All() {
			if k.Kind == gdpr.KindSubject {
				one = k.ID
			}
		}
		r.vault.Destroy(one)
		cold := newKeys(gdpr.NewRoot(1, [32]byte{9}), r.vault, r.ids)
		for _, raw := range r.store.of("s1").raws {
			if _, err := cold.Open(t.Context(), rawPlace("ten_a", raw.Ref), raw.Sealed); hub.CodeOf(err) != gdpr.CodeKeyGone {
				t.Errorf("a payload of two people outlives one of them: %v", err)
			}
		}
	})
}
