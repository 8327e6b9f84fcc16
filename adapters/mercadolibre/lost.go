package mercadolibre

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strconv"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// pageLost is how many notifications are asked for at once; the platform gives ten unless told otherwise. Its most is not
// documented (U), so a page may hold fewer and not be the last: the list ends with a page that is empty.
const pageLost = 50

// maxLost bounds the offset: what does not end is not a list.
const maxLost = 100_000

// Lost reads the notifications of the last two days that failed all eight attempts, of all sellers of the app (U: whose
// token asks). Each is told again in the form that it had, without what the platform recorded of our answer. Notifications
// from while a topic was switched off are not among them: the platform does not keep those.
func (*Driver) Lost(ctx context.Context, c driver.Caller, app driver.App, cursor string) (driver.LostPage, error) {
	offset := 0
	if cursor != "" {
		var err error
		if offset, err = strconv.Atoi(cursor); err != nil || offset < 0 || offset > maxLost {
			return driver.LostPage{}, &hub.Error{Kind: hub.KindInvalid, Code: "cursor_invalid", Op: "reading mercadolibre's missed feeds"}
		}
	}
	call := get("missed_feeds", "/missed_feeds", url.Values{
		"app_id": {app.ClientID}, "offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(pageLost)},
	})
	a, err := c.Call(ctx, call)
	if err != nil {
		return driver.LostPage{}, err
	}
	v, err := opened(call.Name, a, strictjson.Object)
	if err != nil {
		return driver.LostPage{}, err
	}
	list := v.Get("messages")
	if list.Kind() != strictjson.Array {
		return driver.LostPage{}, unreadable(call.Name)
	}
	var page driver.LostPage
	for item := range list.Items() {
		n, err := noticeOf(item, app.ClientID)
		if err != nil { // another app's, or not for a user: nothing could be done with it
			continue
		}
		page.Deliveries = append(page.Deliveries, driver.Missed{Notice: n, Account: n.Account, Body: retold(item)})
	}
	slices.SortStableFunc(page.Deliveries, func(a, b driver.Missed) int { return a.Notice.TriggeredAt.Compare(b.Notice.TriggeredAt) })
	if n := list.Len(); n > 0 && offset+n <= maxLost {
		page.Next = strconv.Itoa(offset + n)
	}
	return page, nil
}

// retold prints a notification as it was sent.
func retold(item strictjson.Value) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for name, v := range item.Members() {
		switch name {
		case "_id", "id", "resource", "user_id", "topic", "application_id", "attempts", "sent", "received", "recieved", "actions":
			if b.Len() > 1 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + name + `":`)
			if v.Kind() == strictjson.String {
				b.WriteByte('"')
				b.Write(v.Raw())
				b.WriteByte('"')
			} else {
				b.Write(v.Raw())
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Confirm does nothing: the platform forgets by itself.
func (*Driver) Confirm(context.Context, driver.Caller, string) error { return nil }
