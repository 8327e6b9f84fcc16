package shopify

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

var _ driver.Skimmer = (*Driver)(nil)

// Skim reads the gist of a full order under any topic, each field with the reader that Read uses for it.
func (*Driver) Skim(d driver.Delivery) (gist driver.Gist) {
	v, err := strictjson.Parse(d.Body)
	if err != nil || v.Kind() != strictjson.Object || meaningOf(d.Topic) != full && !looksFull(v) || sameShop(v, d.Account) != nil {
		return driver.Gist{}
	}
	each := func(read func(*decoder)) bool {
		dec := &decoder{graphql: isGraphQL(v)}
		read(dec)
		return dec.Err() == nil
	}
	got := gist
	var total pair
	if each(func(dec *decoder) { got.ExternalID = dec.orderID(v) }) {
		gist.ExternalID = got.ExternalID
	}
	if each(func(dec *decoder) { got.SourceUpdatedAt = dec.updated(v) }) {
		gist.SourceUpdatedAt = got.SourceUpdatedAt
	}
	if each(func(dec *decoder) {
		dec.currencies(v, &hub.Order{})
		total = dec.grandTotal(v)
	}) {
		gist.Total = stated(total.shop)
	}
	return gist
}
