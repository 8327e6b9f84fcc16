package shopee

import (
	"net/http"
	"testing"

	"hub"
	"hub/adapters/adaptertest"
	"hub/adapters/driver"
)

// FuzzOrder: see adaptertest.
func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"order_sn":"A","order_status":"UNPAID","update_time":1767312000,"currency":"SGD","item_list":[]}`))
	adaptertest.FuzzOrder(f, New())
}

// FuzzRead: a body gives orders, one hint, a reason or a parkable refusal, and Skim and Account agree with it.
func FuzzRead(f *testing.F) {
	adaptertest.Seeds(f)
	f.Add([]byte(`{"data":{"ordersn":"A"},"shop_id":727720655,"code":3}`))
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
		if len(got.Hints) == 1 && got.Hints[0] != (driver.Hint{Kind: driver.HintConnection}) && (!isNumber(string(got.Hints[0].ExternalID)) || shop != "" && shop != account) {
			t.Fatal("a hint that no push gives")
		}
	})
}

// FuzzSplit: see adaptertest.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(`[{"response":{"order_list":[{}]}},{"order_sn":"A"}] {"order_list":[{}]}`))
	adaptertest.FuzzSplit(f, New())
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
