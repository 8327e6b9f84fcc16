package shopify

import (
	"fmt"
	"net/http"
	"time"
)

// Delivery is one webhook delivery, ready to be sent, any number of times.
type Delivery struct {
	Topic   string
	Header  http.Header
	Body    []byte
	OrderID int64
	Updated time.Time // the version of the order in the body
}

// Deliver makes a delivery about the order as it stands now (shopify.dev, webhooks: delivery structure, verify deliveries).
func (s *Shop) Deliver(topic string, o *Order) Delivery {
	body := o.Body()
	return Delivery{Topic: topic, Header: s.headers(topic, body), Body: body, OrderID: o.ID, Updated: o.Updated}
}

// Delete makes the delivery that tells of an order's deletion: nothing but its id.
func (s *Shop) Delete(o *Order) Delivery {
	s.tick()
	body := fmt.Appendf(nil, `{"id":%d}`, o.ID)
	return Delivery{Topic: "orders/delete", Header: s.headers("orders/delete", body), Body: body, OrderID: o.ID, Updated: s.now}
}

func (s *Shop) headers(topic string, body []byte) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Shopify-Captain-Hook")
	h.Set("X-Shopify-Topic", topic)
	h.Set("X-Shopify-Hmac-Sha256", sign(s.Secret, body))
	h.Set("X-Shopify-Shop-Domain", s.Domain)
	h.Set("X-Shopify-API-Version", "2026-10")
	h.Set("X-Shopify-Webhook-Id", uuid(s.random))
	h.Set("X-Shopify-Event-Id", uuid(s.random))
	h.Set("X-Shopify-Triggered-At", s.now.UTC().Format("2006-01-02T15:04:05.000000000Z"))
	return h
}
