package shopee

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// The zero Money, which has no currency, is an amount that is not known. Values, not pointers: most are only summed.
func known(m hub.Money) bool { return m.Currency != "" }

// stated is the amount as the order model holds it: nil when it is not known.
func stated(m hub.Money) *hub.Money {
	if !known(m) {
		return nil
	}
	return &m
}

func (d *decoder) zero() hub.Money { return hub.Zero(d.currency) }

// signed reads an amount of either sign.
func (d *decoder) signed(v strictjson.Value, name string) hub.Money {
	return d.Money(get(v, name), d.currency)
}

// money reads an amount that cannot be negative.
func (d *decoder) money(v strictjson.Value, name string) hub.Money {
	m := d.signed(v, name)
	if m.Minor < 0 {
		d.Fail(hub.CodeOutOfRange, get(v, name))
	}
	return m
}

// off reads what was taken off, which the escrow prints positive in one place and negative in another.
func (d *decoder) off(v strictjson.Value, name string) hub.Money {
	m := d.signed(v, name)
	if m.Minor < 0 {
		return d.minus(d.zero(), m, v)
	}
	return m
}

// total adds the amounts of several members; what is absent counts as nothing, and a total of nothing at all is unknown.
func (d *decoder) total(v strictjson.Value, read func(strictjson.Value, string) hub.Money, names ...string) (sum hub.Money) {
	for _, name := range names {
		sum = d.and(sum, read(v, name), v)
	}
	return sum
}

// and adds, what is not known counting as nothing.
func (d *decoder) and(a, b hub.Money, v strictjson.Value) hub.Money {
	if !known(a) {
		return b
	}
	if !known(b) {
		return a
	}
	return d.plus(a, b, v)
}

// plus adds, for the value at v. What one side does not know the sum does not know.
func (d *decoder) plus(a, b hub.Money, v strictjson.Value) hub.Money {
	return d.both(a, b, v, hub.Money.Add)
}

// minus subtracts, for the value at v, like plus.
func (d *decoder) minus(a, b hub.Money, v strictjson.Value) hub.Money {
	return d.both(a, b, v, hub.Money.Sub)
}

func (d *decoder) both(a, b hub.Money, v strictjson.Value, op func(hub.Money, hub.Money) (hub.Money, error)) hub.Money {
	if !known(a) || !known(b) {
		return hub.Money{}
	}
	result, err := op(a, b)
	if err != nil {
		d.Fail(hub.CodeOf(err), v)
	}
	return result
}

// times multiplies by a count, for the value at v.
func (d *decoder) times(m hub.Money, n int64, v strictjson.Value) hub.Money {
	if !known(m) {
		return m
	}
	product, err := m.Mul(n)
	if err != nil {
		d.Fail(hub.CodeOf(err), v)
	}
	return product
}
