package shopee

import (
	"strconv"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// meaning is what a push code may bring.
type meaning uint8

const (
	unknown    meaning = iota // a code that is not in Shopee's list as we know it
	reference                 // the body names an order that something happened to
	unrelated                 // nothing in the order model depends on it
	permission                // the connection itself may be over, or will be
)

// codes is the list of pushes (developer guide 18 and the push pages). Codes of bookings name goods that left before
// there was an order; the order that takes them comes with code 3.
var codes = map[string]meaning{
	"1": unrelated,  // authorised: the way back from the page tells it
	"2": permission, // deauthorised
	"3": reference,  // order status
	"4": reference,  // tracking number
	"5": unrelated, "6": unrelated, "7": unrelated, "8": unrelated, "9": unrelated, "10": unrelated, "11": unrelated,
	"12": permission, // grants that end in a week
	"13": unrelated,
	"15": reference, // shipping document
	"16": unrelated, // violation (U)
	"22": unrelated, "23": unrelated, "24": unrelated, "25": unrelated,
	"29": reference, // return
	"30": reference, // package fulfilment
	"47": reference, // package info
}

// Account reads the shop that a push names: shop_id on top, or for the pushes of the app shop_id or shopid in data, or a
// list with one shop in it. Merchants and main accounts are no shops.
func (*Driver) Account(body []byte) (string, error) {
	v, err := strictjson.Parse(body)
	if err != nil {
		return "", reading(err)
	}
	var d decoder
	account := d.shopOf(v)
	if account == "" {
		d.FailAt(hub.CodeMissing, func() string { return "shop_id" })
	}
	if d.Err() != nil {
		return "", reading(d.Err())
	}
	return account, nil
}

// shopOf reads the one shop that a push names, "" when it names none or several. Two that differ are CodeShopMismatch.
func (d *decoder) shopOf(push strictjson.Value) (account string) {
	data := push.Get("data")
	named := []strictjson.Value{push.Get("shop_id"), data.Get("shop_id"), data.Get("shopid")}
	for _, name := range []string{"shop_id_list", "shop_expire_soon"} {
		if list := data.Get(name); list.Kind() == strictjson.Array && list.Len() == 1 {
			for only := range list.Items() {
				named = append(named, only)
			}
		}
	}
	for _, v := range named {
		id := d.id(v)
		if account != "" && id != "" && id != account {
			d.Fail(hub.CodeShopMismatch, v)
		}
		if id != "" {
			account = id
		}
	}
	return account
}

// Read turns a delivery into what it means. Pushes never hold an order, only its number. A body that is a full order,
// bare or as the hub fetched it, is that order.
func (dr *Driver) Read(delivery driver.Delivery) (driver.Reading, error) {
	v, err := strictjson.Parse(delivery.Body)
	if err != nil {
		return driver.Reading{}, reading(err)
	}
	if looksFull(v) {
		draft, err := dr.order(v)
		if err != nil {
			return driver.Reading{}, reading(err)
		}
		return driver.Reading{Drafts: []driver.Draft{draft}}, nil
	}
	result, err := push(v, delivery.Account)
	if err != nil {
		return driver.Reading{}, reading(err)
	}
	return result, nil
}

// push reads a notification. The number's spelling differs between the codes, so either is taken.
func push(v strictjson.Value, account string) (driver.Reading, error) {
	var d decoder
	if v.Kind() != strictjson.Object {
		d.Fail(hub.CodeWrongType, v)
	}
	code := strconv.FormatInt(d.Count(d.Need(v, "code")), 10)
	if shop := d.shopOf(v); shop != "" && shop != account {
		d.Fail(hub.CodeShopMismatch, v.Get("shop_id"))
	}
	if d.Err() != nil {
		return driver.Reading{}, d.Err()
	}
	switch codes[code] {
	case unrelated:
		return driver.Reading{Ignored: "the push says nothing about orders"}, nil
	case permission:
		return driver.Reading{Hints: []driver.Hint{{Kind: driver.HintConnection}}}, nil
	case reference:
	default:
		return driver.Reading{}, &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeTopicUnknown, Op: "reading shopee delivery"}
	}
	data := d.Need(v, "data")
	d.Is(data, strictjson.Object)
	number := data.Get("ordersn")
	if !number.Given() {
		number = d.Need(data, "order_sn")
	}
	id := d.number(number)
	if d.Err() != nil {
		return driver.Reading{}, d.Err()
	}
	return driver.Reading{Hints: []driver.Hint{{Kind: "order", ExternalID: id}}}, nil
}

// looksFull recognises an order by what no push has: the status beside the number, or the hub's own document.
func looksFull(v strictjson.Value) bool {
	return v.Get("code").Kind() == strictjson.Absent &&
		(v.Get("order_sn").Given() && v.Get("order_status").Kind() != strictjson.Absent || isFetched(v))
}

// isFetched recognises the hub's own document of a complete fetch.
func isFetched(v strictjson.Value) bool { return v.Get("order").Kind() == strictjson.Object }

// reading names the operation on an error that has none.
func reading(err error) error { return strictjson.Named(opDocument, err) }

// opDocument is what errors of documents call the operation.
const opDocument = "reading shopee document"
