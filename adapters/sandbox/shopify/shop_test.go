package shopify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"
)

var opening = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// TestSignatureVectors signs the bodies of the shared vectors.
func TestSignatureVectors(t *testing.T) {
	text, err := os.ReadFile("../../../../shared/platforms/vectors/shopify_webhook.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("../shared is absent")
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors, Negatives []struct {
			Name, Secret, Expected string
			Body                   string `json:"body_base64"`
			Not                    string `json:"must_not_equal"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range append(file.Vectors, file.Negatives...) {
		body, err := base64.StdEncoding.DecodeString(v.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := sign(v.Secret, body); v.Expected != "" && got != v.Expected || got == v.Not {
			t.Errorf("%s: %s", v.Name, got)
		}
	}
	if len(file.Vectors) == 0 || len(file.Negatives) == 0 {
		t.Error("no vectors")
	}
}

// TestBodyIsLikeTheRealOne checks what a driver may rely on: compact, escaped slashes, text money in the currency's form.
func TestBodyIsLikeTheRealOne(t *testing.T) {
	s := New("a.myshopify.com", "secret", 4, opening)
	o := s.Place()
	o.Pay()
	o.Refund()
	body := o.Body()
	if bytes.Contains(bytes.ReplaceAll(body, []byte(`\/`), nil), []byte("/")) || bytes.ContainsAny(body, "\n") {
		t.Error("a bare slash or a line break")
	}
	var order struct {
		ID      int64
		Updated time.Time `json:"updated_at"`
		Total   string    `json:"total_price"`
		Refunds []struct {
			Transactions []struct{ Amount string }
		}
	}
	if err := json.Unmarshal(body, &order); err != nil {
		t.Fatal(err)
	}
	if order.ID != o.ID || o.ID < 1<<53 || !order.Updated.Equal(o.Updated) || order.Total != s.money(o.Total()) {
		t.Errorf("%+v", order)
	}
	if len(order.Refunds) != 1 || o.CurrentTotal() != s.money(o.Total()-o.Refunded()) {
		t.Errorf("refunds: %+v, owed %s", order.Refunds, o.CurrentTotal())
	}
}

// TestMoney prints amounts with the decimals of the currency.
func TestMoney(t *testing.T) {
	for _, c := range []struct {
		decimals int
		minor    int64
		want     string
	}{{2, 0, "0.00"}, {2, 5, "0.05"}, {2, 123456, "1234.56"}, {0, 23600, "23600"}, {3, 1, "0.001"}} {
		s := &Shop{Decimals: c.decimals}
		if got := s.money(c.minor); got != c.want {
			t.Errorf("%d with %d decimals: %s", c.minor, c.decimals, got)
		}
	}
}

// TestOneSeedOneHistory makes the same shop twice.
func TestOneSeedOneHistory(t *testing.T) {
	live := func(seed uint64) (bodies [][]byte) {
		s := New("a.myshopify.com", "secret", seed, opening)
		for range 20 {
			o := s.Place()
			o.Pay()
			d := s.Deliver("orders/paid", o)
			bodies = append(bodies, d.Body, []byte(d.Header.Get("X-Shopify-Webhook-Id")))
			bodies = append(bodies, s.Delete(o).Body)
		}
		return bodies
	}
	a, b, other := live(1), live(1), live(2)
	if !bytes.Equal(bytes.Join(a, nil), bytes.Join(b, nil)) {
		t.Error("one seed, two histories")
	}
	if bytes.Equal(bytes.Join(a, nil), bytes.Join(other, nil)) {
		t.Error("two seeds, one history")
	}
}
