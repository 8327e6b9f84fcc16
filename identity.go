package hub

import "strconv"

// Explain fills Totals.Adjustment with what the parts of an order fail to explain of its grand total, so that
//
//	items − discount + shipping + (tax unless tax is included) + (duties unless duties are included) + tip + fees + adjustment = grand_total
//
// An absent part counts as zero. It is CodeMissing without a grand total.
func (t *Totals) Explain(taxIncluded, dutiesIncluded bool) error {
	if t.GrandTotal == nil {
		return Invalid(CodeMissing, "totals.grand_total")
	}
	explained, err := t.explained(taxIncluded, dutiesIncluded)
	if err != nil {
		return err
	}
	rest, err := t.GrandTotal.Sub(explained)
	if err != nil {
		return err
	}
	t.Adjustment = &rest
	return nil
}

// explained sums the parts, without the adjustment.
func (t *Totals) explained(taxIncluded, dutiesIncluded bool) (sum Money, err error) {
	sum = Zero(t.GrandTotal.Currency)
	add := func(m *Money) {
		if m != nil && err == nil {
			sum, err = sum.Add(*m)
		}
	}
	add(t.Items)
	add(t.Shipping)
	add(t.Tip)
	add(t.Fees)
	if !taxIncluded {
		add(t.Tax)
	}
	if !dutiesIncluded {
		add(t.Duties)
	}
	if t.Discount != nil && err == nil {
		sum, err = sum.Sub(*t.Discount)
	}
	return sum, err
}

// Check holds what is always true of an order: the identity of its totals, each line's total, and that the lines make
// up the items. The error names the path that breaks it.
func (o *Order) Check() error {
	t := &o.Totals
	if t.GrandTotal == nil || t.Adjustment == nil {
		return Invalid(CodeMissing, "totals.grand_total")
	}
	sum, err := t.explained(o.TaxIncluded, o.DutiesIncluded)
	if err == nil {
		sum, err = sum.Add(*t.Adjustment)
	}
	if err != nil {
		return err
	}
	if sum != *t.GrandTotal {
		return &Error{Kind: KindConflict, Op: "checking order", Path: "totals"}
	}
	items := Zero(t.GrandTotal.Currency)
	for i, l := range o.Lines {
		if l.Subtotal == nil {
			continue
		}
		if items, err = items.Add(*l.Subtotal); err != nil {
			return err
		}
		if err := l.check(i, o.TaxIncluded); err != nil {
			return err
		}
	}
	if t.Items != nil && *t.Items != items {
		return &Error{Kind: KindConflict, Op: "checking order", Path: "totals.items"}
	}
	return nil
}

func (l Line) check(at int, taxIncluded bool) error {
	want, err := l.Explained(taxIncluded)
	if err != nil {
		return err
	}
	if l.Total == nil || *l.Total != want {
		return &Error{Kind: KindConflict, Op: "checking order", Path: "lines[" + strconv.Itoa(at) + "].total"}
	}
	return nil
}

// Explained returns subtotal − discount + (tax unless it is included), which is the line's total. The subtotal must be
// known.
func (l Line) Explained(taxIncluded bool) (Money, error) {
	total := *l.Subtotal
	var err error
	if l.Discount != nil {
		if total, err = total.Sub(*l.Discount); err != nil {
			return Money{}, err
		}
	}
	if l.Tax != nil && !taxIncluded {
		return total.Add(*l.Tax)
	}
	return total, nil
}
