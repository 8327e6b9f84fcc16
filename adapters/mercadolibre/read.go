package mercadolibre

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Account reads the seller that a notification is for, by its user id.
func (*Driver) Account(body []byte) (string, error) {
	v, err := strictjson.Parse(body)
	if err != nil {
		return "", reading(err)
	}
	var r strictjson.Reader
	account := numericID(&r, r.Need(v, "user_id"))
	if r.Err() != nil {
		return "", reading(r.Err())
	}
	return account, nil
}

// Read turns a notification into a hint, or into nothing. It comes from anybody: what is not of the expected form is ignored
// and never parked, for parking would be work that a stranger makes for people.
func (*Driver) Read(d driver.Delivery) (driver.Reading, error) {
	v, err := strictjson.Parse(d.Body)
	if err != nil {
		return driver.Reading{}, reading(err)
	}
	var r strictjson.Reader
	if !r.Is(v, strictjson.Object) {
		r.Fail(hub.CodeWrongType, v)
	}
	user := r.Need(v, "user_id")
	if id := numericID(&r, user); id != d.Account {
		r.Fail(hub.CodeShopMismatch, user)
	}
	resource := r.Name(v.Get("resource"), maxName)
	if r.Err() != nil {
		return driver.Reading{}, reading(r.Err())
	}
	m, concerns := about[d.Topic]
	switch id := m.resourceID(resource); {
	case id != "":
		return driver.Reading{Hints: []driver.Hint{{Kind: m.kind, ExternalID: hub.ExternalID(id)}}}, nil
	case concerns:
		return driver.Reading{Ignored: ignoredResource}, nil
	case unrelated[d.Topic]:
		return driver.Reading{Ignored: ignoredTopic}, nil
	}
	return driver.Reading{Ignored: ignoredUnknown}, nil
}
