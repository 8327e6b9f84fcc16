package shopee

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Lost returns the oldest 100 pushes of the last three days that the platform gave up on and nobody confirmed. It has no
// cursor: the next page comes once this one is confirmed, and one that is asked for before is empty.
func (*Driver) Lost(ctx context.Context, c driver.Caller, _ driver.App, cursor string) (driver.LostPage, error) {
	call := reads("get_lost_push_message", pathLost, nil)
	call.Class, call.Public = driver.ClassAdmin, true
	got, err := c.Call(ctx, call)
	if err != nil {
		return driver.LostPage{}, err
	}
	a := openAnswer(got)
	response := a.response()
	last := a.Count(response.Get("last_message_id"))
	var page driver.LostPage
	for v := range a.list(response.Get("push_message_list")).Items() {
		if missed, ok := a.missed(v); ok {
			page.Deliveries = append(page.Deliveries, missed)
		}
	}
	if last > 0 && response.Get("push_message_list").Len() > 0 {
		page.Receipt = itoa(last)
	}
	if a.Bool(response.Get("has_next_page")) {
		page.Next = page.Receipt
	}
	if err := a.err(call.Name); err != nil {
		return driver.LostPage{}, err
	}
	if before, err := strconv.ParseInt(cursor, 10, 64); err == nil && last <= before {
		return driver.LostPage{}, nil
	}
	return page, nil
}

// missed reads one lost push. Its data is the whole envelope by the documentation, as a text that holds JSON or, in the
// documentation's own sample, as an object; one without a code in it is the inner data only, and gets its envelope back.
func (a *answer) missed(v strictjson.Value) (driver.Missed, bool) {
	data := a.Need(v, "data")
	body := bytes.Clone(data.Raw())
	if data.Kind() == strictjson.String {
		body = []byte(data.Text())
	} else if !a.Is(data, strictjson.Object) {
		return driver.Missed{}, false
	}
	inner, err := strictjson.Parse(body)
	if err == nil && inner.Kind() == strictjson.Object && inner.Get("code").Kind() == strictjson.Absent {
		if body, err = json.Marshal(map[string]json.RawMessage{
			"shop_id": spelled(v.Get("shop_id")), "code": spelled(v.Get("code")), "timestamp": spelled(v.Get("timestamp")), "data": body,
		}); err != nil {
			a.Fail(hub.CodeMalformed, data)
		}
	}
	n := notice(body)
	if n.Probe {
		return driver.Missed{}, false
	}
	missed := driver.Missed{Notice: n, Body: body, Account: a.id(v.Get("shop_id"))}
	if missed.Account == "" {
		if push, err := strictjson.Parse(body); err == nil {
			var d decoder // what a push says wrongly is told when it is read
			missed.Account = d.shopOf(push)
		}
	}
	return missed, true
}

// spelled is a value as it was printed, null where there is none.
func spelled(v strictjson.Value) json.RawMessage {
	if raw := v.Raw(); len(raw) > 0 && v.Kind() == strictjson.Number {
		return bytes.Clone(raw)
	}
	return json.RawMessage("null")
}

// Confirm tells the platform that everything up to the receipt is stored. It is a watermark, so saying it twice is like
// saying it once.
func (*Driver) Confirm(ctx context.Context, c driver.Caller, receipt string) error {
	if receipt == "" {
		return nil
	}
	last, err := strconv.ParseInt(receipt, 10, 64)
	if err != nil || last <= 0 {
		return hub.Invalid(CodePlace, "receipt")
	}
	_, err = c.Call(ctx, driver.Call{
		Name: "confirm_consumed_lost_push_message", Class: driver.ClassAdmin, Method: http.MethodPost, Path: pathConfirm,
		Body: []byte(`{"last_message_id":` + itoa(last) + `}`), Public: true, Repeat: true,
	})
	return err
}
