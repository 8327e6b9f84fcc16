package intake

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
)

func drawTime(t *rapid.T, name string) time.Time {
	if rapid.Bool().Draw(t, name+" absent") {
		return time.Time{}
	}
	return time.UnixMicro(rapid.Int64Range(-1<<50, 1<<52).Draw(t, name)).UTC()
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Head{
			Platform: hub.Platform(rapid.String().Draw(t, "platform")), App: hub.AppID(rapid.String().Draw(t, "app")),
			Tenant: hub.TenantID(rapid.StringN(1, 20, 60).Draw(t, "tenant")), Connection: hub.ConnectionID(rapid.String().Draw(t, "connection")),
			ReceivedAt: drawTime(t, "received"),
		}
		copy(h.Nonce[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "nonce"))
		sealed := rapid.SliceOf(rapid.Byte()).Draw(t, "sealed")
		got, encoded, rest, err := splitRecord(append(h.encode(), sealed...))
		if err != nil || got != h || !bytes.Equal(encoded, h.encode()) || !bytes.Equal(rest, sealed) {
			t.Fatalf("head %+v and %d bytes (%v), want %+v", got, len(rest), err, h)
		}
		d := driver.Delivery{
			Notice: driver.Notice{
				Topic: rapid.String().Draw(t, "topic"), DeliveryID: rapid.String().Draw(t, "id"),
				Account: rapid.String().Draw(t, "claimed"), TriggeredAt: drawTime(t, "triggered"), APIVersion: rapid.String().Draw(t, "api"),
			},
			Account: rapid.String().Draw(t, "account"), ReceivedAt: drawTime(t, "at"),
			Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		}
		back, err := decodeDelivery(encodeDelivery(d))
		if back.Body = append([]byte{}, back.Body...); err != nil || !reflect.DeepEqual(back, d) {
			t.Fatalf("delivery %+v (%v), want %+v", back, err, d)
		}
	})
}

// No prefix of a head is a head, and no prefix of the fields of a delivery a delivery.
func TestCutRecords(t *testing.T) {
	head := Head{Platform: hub.Shopify, App: "app_a", Tenant: "ten_a", ReceivedAt: time.UnixMicro(1).UTC()}.encode()
	for n := range head {
		if _, _, _, err := splitRecord(head[:n]); hub.CodeOf(err) != hub.CodeUnreadable {
			t.Errorf("%d of %d bytes of a head: %v", n, len(head), err)
		}
	}
	delivery := encodeDelivery(driver.Delivery{Notice: driver.Notice{Topic: "t", DeliveryID: "d"}, Account: "a", ReceivedAt: time.UnixMicro(1)})
	for n := range delivery {
		if _, err := decodeDelivery(delivery[:n]); hub.CodeOf(err) != hub.CodeUnreadable {
			t.Errorf("%d of %d bytes of a delivery: %v", n, len(delivery), err)
		}
	}
	if _, _, _, err := splitRecord(Head{Platform: hub.Shopify}.encode()); hub.CodeOf(err) != hub.CodeUnreadable {
		t.Errorf("a head without a tenant: %v", err)
	}
}

// The sealed part fits its own head only.
func TestSealedToItsHead(t *testing.T) {
	key, err := gdpr.OpenIntakeKeys(t.Context(), t.TempDir(), []gdpr.Root{gdpr.NewRoot(1, [32]byte{9})})
	if err != nil {
		t.Fatal(err)
	}
	h := Head{Platform: hub.Shopify, App: "app_a", Tenant: "ten_a", Connection: "con_a", ReceivedAt: time.UnixMicro(5).UTC(), Nonce: [16]byte{1}}
	sealed, err := key.Use().Seal(nil, h.place(h.encode()), encodeDelivery(driver.Delivery{Body: []byte("x")}))
	if err != nil {
		t.Fatal(err)
	}
	open := func(h Head) error { return new(item).open(key, append(h.encode(), sealed...)) }
	if err := open(h); err != nil {
		t.Fatal(err)
	}
	others := map[string]func(*Head){
		"platform": func(h *Head) { h.Platform = hub.Shopee }, "app": func(h *Head) { h.App = "app_b" },
		"tenant": func(h *Head) { h.Tenant = "ten_b" }, "connection": func(h *Head) { h.Connection = "con_b" },
		"time": func(h *Head) { h.ReceivedAt = h.ReceivedAt.Add(time.Second) }, "nonce": func(h *Head) { h.Nonce[0]++ },
		"shifted": func(h *Head) { h.Tenant, h.Connection = "ten_", "acon_a" },
	}
	for name, change := range others {
		other := h
		if change(&other); hub.CodeOf(open(other)) != hub.CodeUnreadable {
			t.Errorf("%s: it opens behind another head", name)
		}
	}
}

func FuzzSplitRecord(f *testing.F) {
	f.Add(Head{Platform: hub.Shopify, Tenant: "ten_a", ReceivedAt: time.UnixMicro(1)}.encode())
	f.Add([]byte{recordFormat, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, record []byte) {
		h, encoded, sealed, err := splitRecord(record)
		if err != nil {
			if hub.CodeOf(err) != hub.CodeUnreadable || !hub.Parkable(err) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if !bytes.Equal(append(bytes.Clone(encoded), sealed...), record) || h.Tenant == "" {
			t.Fatal("the parts are not the whole")
		}
		if again, _, _, err := splitRecord(h.encode()); err != nil || again != h {
			t.Fatalf("%+v came back as %+v (%v)", h, again, err)
		}
	})
}

func FuzzDecodeDelivery(f *testing.F) {
	f.Add(encodeDelivery(driver.Delivery{Notice: driver.Notice{Topic: "t"}, Body: []byte("b")}))
	f.Add([]byte{recordFormat})
	f.Fuzz(func(t *testing.T, plain []byte) {
		d, err := decodeDelivery(plain)
		if err != nil {
			if hub.CodeOf(err) != hub.CodeUnreadable {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := decodeDelivery(encodeDelivery(d))
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Fatalf("%+v came back as %+v (%v)", d, again, err)
		}
	})
}
