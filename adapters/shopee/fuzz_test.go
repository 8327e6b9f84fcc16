package shopee

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// seeds adds every sample.
func seeds(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"order_sn":"A","order_status":"UNPAID","update_time":1767312000,"currency":"SGD","item_list":[]}`))
	f.Add([]byte(`{"data":{"ordersn":"A"},"shop_id":727720655,"code":3}`))
}

// FuzzOrder: never a panic; what is refused is parkable; what is accepted adds up, prints, and is the same twice.
func FuzzOrder(f *testing.F) {
	seeds(f)
	d := New()
	f.Fuzz(func(t *testing.T, document []byte) {
		draft, err := d.Order(document)
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		if err := draft.Order.Check(); err != nil {
			t.Fatal(err)
		}
		first, err := json.Marshal(draft.Order)
		if err != nil {
			t.Fatal(err)
		}
		var back hub.Order
		if err := json.Unmarshal(first, &back); err != nil {
			t.Fatalf("the order does not read back: %v", err)
		}
		again, err := d.Order(document)
		if second, _ := json.Marshal(again.Order); err != nil || string(second) != string(first) {
			t.Fatalf("two readings differ: %v", err)
		}
	})
}

// FuzzRead: a body gives orders, one hint, a reason or a parkable refusal, and Skim and Account agree with it.
func FuzzRead(f *testing.F) {
	seeds(f)
	d := New()
	f.Fuzz(func(t *testing.T, body []byte) {
		delivery := driver.Delivery{Account: account, Body: body}
		gist := d.Skim(delivery)
		shop, _ := d.Account(body)
		got, err := d.Read(delivery)
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		if n := len(got.Drafts) + len(got.Hints); n > 1 || (n == 1) != (got.Ignored == "") {
			t.Fatalf("%d drafts, %d hints, ignored %q", len(got.Drafts), len(got.Hints), got.Ignored)
		}
		if len(got.Drafts) == 1 && gist.ExternalID != got.Drafts[0].Order.ExternalID {
			t.Fatal("the gist is of another order")
		}
		if len(got.Hints) == 1 && (!isNumber(string(got.Hints[0].ExternalID)) || shop != "" && shop != account) {
			t.Fatal("a hint that no push gives")
		}
	})
}

// FuzzSplit: never a panic, refusals are parkable, and no more comes out than went in.
func FuzzSplit(f *testing.F) {
	seeds(f)
	f.Add([]byte(`[{"response":{"order_list":[{}]}},{"order_sn":"A"}] {"order_list":[{}]}`))
	d := New()
	f.Fuzz(func(t *testing.T, document []byte) {
		parts, err := d.Split(document)
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		size := 0
		for _, part := range parts {
			size += len(part)
			if !json.Valid(part) {
				t.Fatal("a part is not JSON")
			}
		}
		if size > len(document) {
			t.Fatal("more came out than went in")
		}
	})
}

// FuzzVerify: no header is good for a body that it was not made for, whatever it looks like, unless the body is a trial.
func FuzzVerify(f *testing.F) {
	f.Add("9e60207bffddfcadd291796dea151ca64e50b3209867af5de3f95f952ba6e369", []byte(`{"code":3,"timestamp":1767312000}`))
	f.Add("", []byte(`{"code":0}`))
	d := New()
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		n, err := d.Verify(driver.Signed{Header: http.Header{"Authorization": {header}}, Body: body, URL: hookURL, Secrets: []string{"a key that no fuzzer knows"}})
		if n.Probe != (err == nil) || err != nil && hub.KindOf(err) != hub.KindUnauthentic {
			t.Fatalf("%+v, %v", n, err)
		}
		got, err := d.Verify(driver.Signed{Header: signed(body, "key", n), Body: body, URL: hookURL, Secrets: []string{"key"}})
		if err != nil || got.Probe != n.Probe {
			t.Fatalf("signed: %+v, %v", got, err)
		}
	})
}
