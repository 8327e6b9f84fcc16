package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
)

const (
	shopDomain = "bench-shop.myshopify.com"
	shopSecret = "bench-secret-of-a-made-up-app"
	bodyBytes  = 4096
)

// natural makes a few orders as a shop sends them.
func natural(n int) []shopify.Delivery {
	shop := shopify.New(shopDomain, shopSecret, 7, time.Now())
	list := make([]shopify.Delivery, n)
	for i := range list {
		list[i] = shop.Deliver("orders/create", shop.Place())
	}
	return list
}

// padded makes a few deliveries of exactly bodyBytes: orders that are shorter get a long note, longer ones are left out.
func padded(n int) []shopify.Delivery {
	shop := shopify.New(shopDomain, shopSecret, 1, time.Now())
	list := make([]shopify.Delivery, 0, n)
	for len(list) < n {
		d := shop.Deliver("orders/create", shop.Place())
		room := bodyBytes - len(d.Body) + len("null") - len(`""`)
		if room < 0 {
			continue
		}
		d.Body = bytes.Replace(d.Body, []byte(`"note":null`), []byte(`"note":"`+strings.Repeat("x", room)+`"`), 1)
		list = append(list, signed(d))
	}
	return list
}

func signed(d shopify.Delivery) shopify.Delivery {
	mac := hmac.New(sha256.New, []byte(shopSecret))
	mac.Write(d.Body)
	d.Header = d.Header.Clone()
	d.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return d
}

// phone is the one number of all buyers of the sandbox.
const phone = "+1 555 0100"

// many makes n different orders of different customers, each with a telephone number of its own, out of a few: from is the
// number of the first. Making each anew would take longer than what is measured.
func many(few []shopify.Delivery, from, n int) []shopify.Delivery {
	list := make([]shopify.Delivery, n)
	for i := range list {
		d := few[i%len(few)]
		order := strconv.FormatInt(d.OrderID, 10)
		d.OrderID = 900_000_000_000_000_000 + int64(from+i)
		d.Body = bytes.ReplaceAll(d.Body, []byte(order), strconv.AppendInt(nil, d.OrderID, 10))
		if _, rest, known := bytes.Cut(d.Body, []byte("buyer")); known {
			customer, _, _ := bytes.Cut(rest, []byte("@"))
			d.Body = bytes.ReplaceAll(d.Body, customer, strconv.AppendInt(nil, 800_000_000_000_000_000+int64(from+i), 10))
		}
		d.Body = bytes.ReplaceAll(d.Body, []byte(phone), fmt.Appendf(nil, "+1%0*d", len(phone)-2, from+i))
		list[i] = signed(d)
	}
	return list
}

// post is a delivery as bytes on the wire.
func post(addr, endpoint string, d shopify.Delivery) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST /hooks/shopify/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", endpoint, addr, len(d.Body))
	if err := d.Header.Write(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	b.WriteString("\r\n")
	b.Write(d.Body)
	return b.Bytes()
}

func TestOrders(t *testing.T) {
	ids, total := map[int64]bool{}, 0
	for i, d := range many(padded(8), 0, 50) {
		if len(d.Body) != bodyBytes {
			t.Fatalf("order %d has %d bytes", i, len(d.Body))
		}
		ids[d.OrderID] = true
	}
	for _, d := range natural(50) {
		total += len(d.Body)
	}
	if len(ids) != 50 {
		t.Fatalf("%d different orders of 50", len(ids))
	}
	t.Logf("natural orders have %d bytes on average", total/50)
}
