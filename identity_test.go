package hub

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// usd makes an amount to point to.
func usd(minor int64) *Money { return &Money{minor, "USD"} }

// TestExplain: the adjustment is what the parts leave open, with its sign, and then the identity holds.
func TestExplain(t *testing.T) {
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		part := func(name string) *Money {
			return rapid.OneOf(rapid.Just[*Money](nil), rapid.Custom(func(t *rapid.T) *Money { return usd(rapid.Int64Range(-1e12, 1e12).Draw(t, name)) })).Draw(t, name)
		}
		totals := Totals{
			Items: part("items"), Discount: part("discount"), Shipping: part("shipping"), Tax: part("tax"), Duties: part("duties"),
			Tip: part("tip"), Fees: part("fees"), GrandTotal: usd(rapid.Int64Range(0, 1e12).Draw(t, "grand total")),
		}
		taxIncluded, dutiesIncluded := rapid.Bool().Draw(t, "tax included"), rapid.Bool().Draw(t, "duties included")
		if err := totals.Explain(taxIncluded, dutiesIncluded); err != nil {
			t.Fatal(err)
		}
		value := func(m *Money) int64 {
			if m == nil {
				return 0
			}
			return m.Minor
		}
		sum := value(totals.Items) - value(totals.Discount) + value(totals.Shipping) + value(totals.Tip) + value(totals.Fees) + totals.Adjustment.Minor
		if !taxIncluded {
			sum += value(totals.Tax)
		}
		if !dutiesIncluded {
			sum += value(totals.Duties)
		}
		if sum != totals.GrandTotal.Minor {
			t.Fatalf("the parts make %d of %d", sum, totals.GrandTotal.Minor)
		}
		n++
	})
	t.Logf("%d totals", n)
}

// TestExplainRefuses: no grand total, another currency, more than int64.
func TestExplainRefuses(t *testing.T) {
	for code, totals := range map[Code]Totals{
		CodeMissing:       {Items: usd(1)},
		CodeCurrencyMixed: {GrandTotal: usd(1), Tip: &Money{1, "EUR"}},
		CodeMoneyOverflow: {GrandTotal: usd(-2), Items: usd(math.MaxInt64)},
	} {
		if err := totals.Explain(false, false); CodeOf(err) != code || totals.Adjustment != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// good is an order that adds up: 2 × 10.00 − 1.00 + 5.00 + 1.50 tax + 2.00 duties + 0.50 tip + 1.00 fees.
func good() Order {
	return Order{
		Lines: []Line{
			{Subtotal: usd(2000), Discount: usd(100), Tax: usd(150), Total: usd(2050)},
			{Quantity: 1},
		},
		Totals: Totals{
			Items: usd(2000), Discount: usd(100), Shipping: usd(500), Tax: usd(150), Duties: usd(200), Tip: usd(50), Fees: usd(100),
			Adjustment: usd(0), GrandTotal: usd(2900),
		},
	}
}

// TestCheck: a good order passes, and each amount that is changed by one unit is found.
func TestCheck(t *testing.T) {
	o := good()
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	for path, change := range map[string]func(*Order){
		"items": func(o *Order) { o.Totals.Items.Minor++ }, "discount": func(o *Order) { o.Totals.Discount.Minor++ },
		"shipping": func(o *Order) { o.Totals.Shipping.Minor++ }, "tax": func(o *Order) { o.Totals.Tax.Minor++ },
		"duties": func(o *Order) { o.Totals.Duties.Minor++ }, "tip": func(o *Order) { o.Totals.Tip.Minor++ },
		"fees": func(o *Order) { o.Totals.Fees.Minor++ }, "adjustment": func(o *Order) { o.Totals.Adjustment.Minor++ },
		"grand total": func(o *Order) { o.Totals.GrandTotal.Minor++ }, "no grand total": func(o *Order) { o.Totals.GrandTotal = nil },
		"no adjustment": func(o *Order) { o.Totals.Adjustment = nil }, "tax included": func(o *Order) { o.TaxIncluded = true },
		"duties included": func(o *Order) { o.DutiesIncluded = true }, "another currency": func(o *Order) { o.Totals.Tip = &Money{50, "EUR"} },
		"line's total": func(o *Order) { o.Lines[0].Total.Minor++ }, "no line's total": func(o *Order) { o.Lines[0].Total = nil },
		"line's discount": func(o *Order) { o.Lines[0].Discount.Minor++ }, "line's tax": func(o *Order) { o.Lines[0].Tax.Minor++ },
		"line in another currency": func(o *Order) { o.Lines[0].Subtotal.Currency = "EUR" },
		"a line more":              func(o *Order) { o.Lines = append(o.Lines, Line{Subtotal: usd(1), Total: usd(1)}) },
		"lines without items": func(o *Order) {
			o.Totals.Items, o.Totals.Adjustment = usd(1), usd(1999)
		},
	} {
		o := good()
		change(&o)
		if err := o.Check(); err == nil {
			t.Errorf("%s: not found", path)
		}
	}
	included := good()
	included.TaxIncluded, included.Totals.GrandTotal.Minor, included.Lines[0].Total.Minor = true, 2750, 1900
	if err := included.Check(); err != nil {
		t.Errorf("tax included: %v", err)
	}
}

// TestRank: money and goods only go forward; what is unknown comes first.
func TestRank(t *testing.T) {
	if !(PaymentStatus("strange").Rank() < PaymentPending.Rank() && PaymentPending.Rank() < PaymentPaid.Rank() && PaymentPaid.Rank() < PaymentRefunded.Rank()) {
		t.Error("payment ranks")
	}
	if !(FulfillmentStatus("").Rank() < Unfulfilled.Rank() && Unfulfilled.Rank() < Fulfilled.Rank() && Fulfilled.Rank() < Returned.Rank()) {
		t.Error("fulfilment ranks")
	}
}
