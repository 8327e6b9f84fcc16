package shopee

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// maxDetails is how many orders get_order_detail takes.
const maxDetails = 50

// optional are all fields that get_order_detail leaves out unless they are asked for; without them an order has neither
// items nor amounts.
const optional = "buyer_user_id,buyer_username,estimated_shipping_fee,recipient_address,actual_shipping_fee," +
	"goods_to_declare,note,note_update_time,item_list,pay_time,dropshipper,dropshipper_phone,split_up," +
	"buyer_cancel_reason,cancel_by,cancel_reason,actual_shipping_fee_confirmed,buyer_cpf_id," +
	"fulfillment_flag,pickup_done_time,package_list,shipping_carrier,payment_method,total_amount," +
	"invoice_data,order_chargeable_weight_gram,return_request_due_date,edt,payment_info," +
	"international_label"

// detail is one order as get_order_detail printed it.
type detail struct {
	id        hub.ExternalID
	raw       []byte
	unpaid    bool
	cancelled bool
	at        time.Time // update_time
	read      time.Time // by the platform's clock; zero when it does not say
}

// Fetch reads orders with their escrow and returns, each as one document of the hub's own.
func (dr *Driver) Fetch(ctx context.Context, c driver.Caller, ids []hub.ExternalID) (driver.Fetched, error) {
	if len(ids) > maxDetails {
		return driver.Fetched{}, &hub.Error{Kind: hub.KindInvalid, Code: hub.CodeOutOfRange, Op: "fetching shopee orders"}
	}
	orders, missing, err := details(ctx, c, distinct(ids))
	if err != nil {
		return driver.Fetched{}, err
	}
	money, err := escrows(ctx, c, orders)
	if err != nil {
		return driver.Fetched{}, err
	}
	fetched := driver.Fetched{Missing: missing}
	for _, o := range orders {
		document, err := document(ctx, c, o, money[o.id])
		if err != nil {
			return driver.Fetched{}, err
		}
		fetched.Documents = append(fetched.Documents, document)
	}
	return fetched, nil
}

// distinct returns the ids without repetitions and without what is no order number, in their order.
func distinct(ids []hub.ExternalID) (list []hub.ExternalID) {
	for i, id := range ids {
		if !slices.Contains(ids[:i], id) {
			list = append(list, id)
		}
	}
	return list
}

// details reads orders. One number that the platform does not know, or that is another shop's, fails the whole call (U),
// so the numbers are divided until it is alone.
func details(ctx context.Context, c driver.Caller, ids []hub.ExternalID) (orders []detail, missing []hub.ExternalID, err error) {
	ids, missing = wellFormed(ids)
	if len(ids) == 0 {
		return nil, missing, nil
	}
	got, err := c.Call(ctx, reads("get_order_detail", pathDetail, url.Values{
		"order_sn_list": {joined(ids)}, "response_optional_fields": {optional}, "request_order_status_pending": {"true"},
	}))
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		if len(ids) == 1 {
			return nil, append(missing, ids...), nil
		}
		for _, half := range [][]hub.ExternalID{ids[:len(ids)/2], ids[len(ids)/2:]} {
			some, without, err := details(ctx, c, half)
			if err != nil {
				return nil, nil, err
			}
			orders, missing = append(orders, some...), append(missing, without...)
		}
		return orders, missing, nil
	}
	if err != nil {
		return nil, nil, err
	}
	found, err := readDetails(got)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if o, ok := found[id]; ok {
			orders = append(orders, o)
		} else {
			missing = append(missing, id)
		}
	}
	return orders, missing, nil
}

func readDetails(got driver.Answer) (map[hub.ExternalID]detail, error) {
	a := openAnswer(got)
	found := map[hub.ExternalID]detail{}
	for v := range a.list(a.Need(a.response(), "order_list")).Items() {
		if a.Is(v, strictjson.Object) {
			o := detail{id: a.number(a.Need(v, "order_sn")), raw: bytes.Clone(v.Raw()), at: a.unix(v.Get("update_time")), read: platformTime(got)}
			status := v.Get("order_status").Text()
			o.unpaid, o.cancelled = status == "UNPAID", status == "CANCELLED"
			found[o.id] = o
		}
	}
	return found, a.err("get_order_detail")
}

// wellFormed sets aside what cannot be a number, which no list with commas can carry.
func wellFormed(ids []hub.ExternalID) (good, bad []hub.ExternalID) {
	for _, id := range ids {
		if isNumber(string(id)) {
			good = append(good, id)
		} else {
			bad = append(bad, id)
		}
	}
	return good, bad
}

func joined(ids []hub.ExternalID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ",")
}
