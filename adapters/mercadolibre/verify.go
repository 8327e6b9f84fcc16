package mercadolibre

import (
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Verify reads a notification. Mercado Libre signs nothing (x-signature is Mercado Pago's), so what it accepts is Unproven
// and the secrets are not used: it only turns away what is not in the form of a notification, or names another app. The
// platform's spellings differ: ids are numbers or texts, _id may be called id, received may be misspelt, and topics that do
// not concern orders leave out application_id or even the topic. No header is read.
func (*Driver) Verify(s driver.Signed) (driver.Notice, error) {
	v, err := strictjson.Parse(s.Body)
	if err != nil {
		return driver.Notice{}, notOurs()
	}
	n, err := noticeOf(v, s.ClientID)
	if err != nil {
		return driver.Notice{}, err
	}
	n.Unproven = true
	return n, nil
}

func notOurs() error {
	return &hub.Error{Kind: hub.KindUnauthentic, Op: "verifying mercadolibre notification"}
}

// noticeOf reads the envelope that notifications and missed feeds share.
func noticeOf(v strictjson.Value, clientID string) (driver.Notice, error) {
	var r strictjson.Reader
	r.Is(v, strictjson.Object)
	n := driver.Notice{
		Topic:       r.Name(v.Get("topic"), maxName),
		DeliveryID:  r.Name(firstValue(v.Get("_id"), v.Get("id")), maxName),
		Account:     numericID(&r, v.Get("user_id")),
		TriggeredAt: happened(v),
	}
	resource := r.Name(v.Get("resource"), maxName)
	app := numericID(&r, v.Get("application_id"))
	_, concerns := about[n.Topic]
	switch {
	case r.Err() != nil, n.Account == "", resource == "":
		return driver.Notice{}, notOurs()
	case app == "" && concerns, clientID != "" && app != "" && app != clientID:
		return driver.Notice{}, notOurs()
	}
	return n, nil
}

// happened reads a time that nothing depends on; a spelling that we do not know is as good as none.
func happened(v strictjson.Value) time.Time {
	t, _ := parseTime(firstValue(v.Get("received"), v.Get("recieved"), v.Get("sent")).Text())
	return t.UTC()
}
