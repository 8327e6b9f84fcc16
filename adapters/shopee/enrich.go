package shopee

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// maxEscrows is how many orders are asked for at once: the reference allows 50 and recommends up to 20.
const maxEscrows = 20

// escrow is the money of one order.
type escrow struct {
	raw     []byte
	at      time.Time // by the platform's clock; zero when it does not say
	returns []string
	none    bool // the platform has none, or does not show it to this app, and will not later
}

// escrows reads the escrow of each paid order. What the batch call does not have is asked for one by one: the reference
// prints the call as GET and everybody posts it (U), and what it does about one number that it does not know is (U) too.
func escrows(ctx context.Context, c driver.Caller, orders []detail) (map[hub.ExternalID]escrow, error) {
	open, found, err := batches(ctx, c, orders)
	if err != nil {
		return nil, err
	}
	cancelled := map[hub.ExternalID]bool{}
	for _, o := range orders {
		cancelled[o.id] = o.cancelled
	}
	for _, id := range open {
		if _, ok := found[id]; ok {
			continue
		}
		got, err := c.Call(ctx, reads("get_escrow_detail", pathEscrow, url.Values{"order_sn": {string(id)}}))
		if err != nil {
			if !without(err) {
				return nil, err
			}
			if hub.CodeOf(err) == CodeScope || cancelled[id] { // it ended before its money moved
				found[id] = escrow{none: true}
			}
			continue
		}
		a := openAnswer(got)
		if e := a.escrow(a.response(), id); a.err("get_escrow_detail") == nil {
			e.at = platformTime(got)
			found[id] = e
		} else {
			return nil, a.err("get_escrow_detail")
		}
	}
	return found, nil
}

// batches asks for the escrows of paid orders, several at a time. open are all that were asked for, or would be: one alone
// is not worth a batch.
func batches(ctx context.Context, c driver.Caller, orders []detail) (open []hub.ExternalID, found map[hub.ExternalID]escrow, err error) {
	for _, o := range orders {
		if !o.unpaid {
			open = append(open, o.id)
		}
	}
	found = map[hub.ExternalID]escrow{}
	for rest := open; len(rest) > 1; {
		some := rest[:min(len(rest), maxEscrows)]
		rest = rest[len(some):]
		if err := batch(ctx, c, some, found); err != nil && !without(err) && hub.CodeOf(err) != CodeRefused {
			return nil, nil, err
		}
	}
	return open, found, nil
}

// without reports whether an error means that the platform has no such thing for this app: an order that has no escrow
// yet, or an app whose type may not see money. The order is then told without it.
func without(err error) bool {
	return hub.KindOf(err) == hub.KindNotFound || hub.KindOf(err) == hub.KindForbidden && hub.CodeOf(err) == CodeScope
}

// batch asks for several escrows and adds those that it is told. Posting it changes nothing, so it may be repeated.
func batch(ctx context.Context, c driver.Caller, ids []hub.ExternalID, found map[hub.ExternalID]escrow) error {
	body, err := json.Marshal(map[string][]hub.ExternalID{"order_sn_list": ids})
	if err != nil {
		return hub.Errorf(hub.KindInternal, "printing a call", "order numbers are not printable")
	}
	call := reads("get_escrow_detail_batch", pathEscrows, nil)
	call.Method, call.Body = http.MethodPost, body
	got, err := c.Call(ctx, call)
	if err != nil {
		return err
	}
	asked := map[hub.ExternalID]bool{}
	for _, id := range ids {
		asked[id] = true
	}
	a := openAnswer(got)
	for v := range a.list(a.response()).Items() {
		one := v.Get("escrow_detail")
		if id := a.number(a.Need(one, "order_sn")); asked[id] && a.err("") == nil {
			e := a.escrow(one, id)
			e.at = platformTime(got)
			found[id] = e
		}
	}
	return a.err(call.Name)
}

// escrow reads what the hub's own document keeps of an escrow, which must be the order's.
func (a *answer) escrow(v strictjson.Value, id hub.ExternalID) escrow {
	if !a.Is(v, strictjson.Object) {
		return escrow{}
	}
	if sn := a.Need(v, "order_sn"); a.number(sn) != id {
		a.Fail(hub.CodeOutOfRange, sn)
	}
	a.Need(v, "order_income")
	e := escrow{raw: bytes.Clone(v.Raw())}
	for sn := range a.decoder.list(v.Get("return_order_sn_list")).Items() {
		e.returns = append(e.returns, string(a.number(sn)))
	}
	return e
}

// maxReturns bounds the returns of one order that are read; a buyer may ask for several.
const maxReturns = 50

// document puts together what is known of an order, with its returns.
func document(ctx context.Context, c driver.Caller, o detail, e escrow) ([]byte, error) {
	var all []json.RawMessage
	if len(e.returns) > maxReturns {
		return assemble(o, e, nil)
	}
	for _, number := range e.returns {
		raw, err := returned(ctx, c, number)
		if err != nil {
			return nil, err
		}
		if raw != nil {
			all = append(all, raw)
		}
	}
	return assemble(o, e, all)
}

// belongings are the parts of a document beside the order. Without the first nobody knows whether there is the second.
var belongings = []string{"escrow", "returns"}

// assemble prints the hub's own document. Its time is the escrow's, which was read before the returns; the order's own
// version where the platform's answer has no clock, so that it still wins over the bare order. A document that lacks parts
// names them, and when it was read instead: two readings are two deliveries, each of which has a fetch follow it.
func assemble(o detail, e escrow, returns []json.RawMessage) ([]byte, error) {
	whole := struct {
		Order    json.RawMessage   `json:"order"`
		Escrow   json.RawMessage   `json:"escrow,omitempty"`
		Returns  []json.RawMessage `json:"returns,omitempty"`
		Partial  []string          `json:"partial,omitempty"`
		Read     time.Time         `json:"read_at,omitzero"`
		Enriched time.Time         `json:"enriched_at,omitzero"`
	}{Order: o.raw, Escrow: e.raw, Returns: returns}
	switch {
	case e.none:
		whole.Enriched = o.at
	case e.raw == nil && !o.unpaid:
		whole.Partial, whole.Read = belongings, o.read
	case len(returns) < len(e.returns):
		whole.Partial, whole.Read = belongings[1:], o.read
	case e.raw != nil && e.at.IsZero():
		whole.Enriched = o.at
	default:
		whole.Enriched = e.at
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // what the platform printed stays as it is
	if err := encoder.Encode(whole); err != nil {
		return nil, hub.Errorf(hub.KindInternal, "printing an order", "it is not printable")
	}
	return bytes.TrimSpace(text.Bytes()), nil
}

// returned reads one return; nil when the platform has none such for this app.
func returned(ctx context.Context, c driver.Caller, number string) ([]byte, error) {
	got, err := c.Call(ctx, reads("get_return_detail", pathReturn, url.Values{"return_sn": {number}}))
	if err != nil {
		if without(err) {
			return nil, nil
		}
		return nil, err
	}
	a := openAnswer(got)
	v := a.response()
	if sn := a.Need(v, "return_sn"); string(a.number(sn)) != number {
		a.Fail(hub.CodeOutOfRange, sn)
	}
	return bytes.Clone(v.Raw()), a.err("get_return_detail")
}
