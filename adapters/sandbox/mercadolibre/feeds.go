package mercadolibre

import (
	"slices"
	"strconv"
	"time"
)

// Missed feeds are the notifications that failed all eight attempts.
const (
	missedLife  = 48 * time.Hour
	usualMissed = 10  // of one page
	mostMissed  = 100 // (U)
)

// missedFeed is one of them.
type missedFeed struct {
	sent *Sent
	at   time.Time
}

// Notice is something that the platform does without telling the app.
type Notice struct {
	At    time.Time `json:"at"`
	App   string    `json:"app"`
	Topic string    `json:"topic"`
	Text  string    `json:"text"`
}

// lose keeps a notification among the missed feeds, and switches its topic off when too many in a row were lost.
func (p *Platform) lose(d *Sent) {
	p.missed = append(p.missed, &missedFeed{d, p.line.Time()})
	t := d.app.topics[d.Topic]
	t.lost++
	if t.lost >= d.app.spec.SwitchOffAfter && !t.off {
		t.off = true
		p.notices = append(p.notices, Notice{p.line.Time(), d.App, d.Topic, "switched off: " + strconv.Itoa(t.lost) + " notifications in a row were lost"})
	}
}

// missedFeeds lists them, the newest first, of all sellers of the app that the token is of (U: which user's token may ask).
func (p *Platform) missedFeeds(c call) reply {
	q := c.URL.Query()
	if q.Get("app_id") != c.grant.app.spec.ClientID {
		return forbidden().reply()
	}
	limit, offset := usualMissed, 0
	for name, into := range map[string]*int{"limit": &limit, "offset": &offset} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return badRequest("bad_request", "limit and offset are numbers")
			}
			*into = n
		}
	}
	p.missed = slices.DeleteFunc(p.missed, func(m *missedFeed) bool { return !p.line.Time().Before(m.at.Add(missedLife)) })
	list := []object{}
	for _, m := range slices.Backward(p.missed) {
		if m.sent.app != c.grant.app || q.Has("topic") && q.Get("topic") != m.sent.Topic {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if len(list) == min(limit, mostMissed) {
			break
		}
		list = append(list, m.resource())
	}
	return ok(object{"messages": list})
}

// resource prints a missed feed: the notification with what was sent last and what came back.
func (m *missedFeed) resource() object {
	d, last := m.sent, m.sent.Last()
	made := object{
		"attempts": len(d.Attempts), "sent": last.At.UTC().Format(noteTime),
		"request": object{
			"url": d.URI, "data": string(d.Body),
			"headers": object{"accept": "application/json", "content-type": "application/json", "content-length": len(d.Body)},
		},
		"response": object{"req_time": last.Took.Milliseconds(), "http_code": last.Status, "body": "[object Object]", "headers": object{}},
	}
	for name, v := range d.note {
		made[name] = v
	}
	return made
}
