package shopee

import (
	"slices"
	"time"
)

const (
	lostLife = 3 * 24 * time.Hour
	lostPage = 100
)

// lostPush is a push that was given up on.
type lostPush struct {
	id   int64
	at   time.Time
	push *Sent
}

// lose keeps a push for get_lost_push_message.
func (p *Platform) lose(d *Sent) {
	d.app.lost = append(d.app.lost, &lostPush{p.id(), p.line.Time(), d})
}

// lostPushes is get_lost_push_message: the oldest hundred of the last three days that nobody confirmed. data holds the
// whole body, by turns as a text, which is what the reference says, and as an object, which is what its sample shows.
func lostPushes(c *call) ([]byte, *refusal) {
	c.app.lost = slices.DeleteFunc(c.app.lost, func(l *lostPush) bool { return c.p.line.Time().Sub(l.at) >= lostLife })
	page := c.app.lost[:min(len(c.app.lost), lostPage)]
	last := int64(0)
	var t text
	t.open("", '{')
	t.open("push_message_list", '[')
	for _, l := range page {
		last = l.id
		t.open("", '{')
		if l.push.shop != nil {
			t.num("shop_id", l.push.shop.id)
		}
		t.num("code", l.push.Code)
		t.num("timestamp", l.at.Unix())
		if l.id%2 == 0 {
			t.str("data", string(l.push.Body))
		} else {
			t.raw("data", string(l.push.Body))
		}
		t.end('}')
	}
	t.end(']')
	t.flag("has_next_page", len(page) < len(c.app.lost))
	t.num("last_message_id", last)
	t.end('}')
	return t.b, nil
}

// confirmLost is confirm_consumed_lost_push_message: everything up to an id is gone.
func confirmLost(c *call) ([]byte, *refusal) {
	var last int64
	if refused := c.fields(map[string]any{"last_message_id": &last}); refused != nil {
		return nil, refused
	}
	if last <= 0 {
		return nil, wrong("Wrong parameters, detail: last_message_id is not valid.")
	}
	c.app.lost = slices.DeleteFunc(c.app.lost, func(l *lostPush) bool { return l.id <= last })
	return nil, nil
}
