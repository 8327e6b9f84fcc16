package hub

import "slices"

// Personal is what Order.Split takes out of an order: every field of class P1 or P2, with the place it belongs to. It
// is sealed before it touches a disk.
type Personal struct {
	Buyer        *Buyer                `json:"buyer,omitempty" class:"P1"`
	Lines        []PersonalLine        `json:"lines,omitempty" class:"P1"`
	Discounts    []PersonalDiscount    `json:"discounts,omitempty" class:"P1"`
	Fulfillments []PersonalFulfillment `json:"fulfillments,omitempty" class:"P1"`
}

// PersonalLine is the personal part of Order.Lines[At].
type PersonalLine struct {
	At         int    `json:"at" class:"P3"`
	Title      string `json:"title,omitempty" class:"P1"`
	Properties []Note `json:"properties,omitempty" class:"P1"`
}

// PersonalDiscount is the personal part of Order.Discounts[At].
type PersonalDiscount struct {
	At    int    `json:"at" class:"P3"`
	Code  string `json:"code,omitempty" class:"P1"`
	Title string `json:"title,omitempty" class:"P1"`
}

// PersonalFulfillment is the personal part of Order.Fulfillments[At].
type PersonalFulfillment struct {
	At             int    `json:"at" class:"P3"`
	TrackingNumber string `json:"tracking_number,omitempty" class:"P2"`
	TrackingURL    string `json:"tracking_url,omitempty" class:"P1"`
}

// Split returns the business record, which holds P3 only, and the personal part. It leaves o as it is; the results share
// no slice with o that they change.
func (o Order) Split() (business Order, p Personal) {
	p.Buyer, o.Buyer = o.Buyer, nil
	o.Lines = slices.Clone(o.Lines)
	for i := range o.Lines {
		l := &o.Lines[i]
		part := PersonalLine{At: i, Properties: l.Properties}
		l.Properties = nil
		if l.Custom {
			part.Title, l.Title = l.Title, ""
		}
		if part.Title != "" || len(part.Properties) > 0 {
			p.Lines = append(p.Lines, part)
		}
	}
	o.Discounts = slices.Clone(o.Discounts)
	for i := range o.Discounts {
		d := &o.Discounts[i]
		if d.Code != "" || d.Title != "" {
			p.Discounts = append(p.Discounts, PersonalDiscount{i, d.Code, d.Title})
			d.Code, d.Title = "", ""
		}
	}
	o.Fulfillments = slices.Clone(o.Fulfillments)
	for i := range o.Fulfillments {
		f := &o.Fulfillments[i]
		if f.TrackingNumber != "" || f.TrackingURL != "" {
			p.Fulfillments = append(p.Fulfillments, PersonalFulfillment{i, f.TrackingNumber, f.TrackingURL})
			f.TrackingNumber, f.TrackingURL = "", ""
		}
	}
	return o, p
}

// Join puts the personal part back: for every order o, Join(o.Split()) equals o. A part of another revision, whose
// places do not exist, is a conflict.
func Join(business Order, p Personal) (Order, error) {
	o := business
	o.Buyer = p.Buyer
	o.Lines, o.Discounts, o.Fulfillments = slices.Clone(o.Lines), slices.Clone(o.Discounts), slices.Clone(o.Fulfillments)
	for _, part := range p.Lines {
		if !within(part.At, len(o.Lines)) {
			return Order{}, misplaced(o.ID)
		}
		l := &o.Lines[part.At]
		l.Properties = part.Properties
		if l.Custom {
			l.Title = part.Title
		}
	}
	for _, part := range p.Discounts {
		if !within(part.At, len(o.Discounts)) {
			return Order{}, misplaced(o.ID)
		}
		o.Discounts[part.At].Code, o.Discounts[part.At].Title = part.Code, part.Title
	}
	for _, part := range p.Fulfillments {
		if !within(part.At, len(o.Fulfillments)) {
			return Order{}, misplaced(o.ID)
		}
		o.Fulfillments[part.At].TrackingNumber, o.Fulfillments[part.At].TrackingURL = part.TrackingNumber, part.TrackingURL
	}
	return o, nil
}

func within(at, n int) bool { return at >= 0 && at < n }

func misplaced(id OrderID) error {
	return &Error{Kind: KindConflict, Op: "joining the personal part of order", Subject: string(id)}
}

// Empty reports whether there is nothing personal.
func (p Personal) Empty() bool {
	return p.Buyer == nil && len(p.Lines) == 0 && len(p.Discounts) == 0 && len(p.Fulfillments) == 0
}
