package hub

// OrderStatus is where an order stands as a whole.
type OrderStatus string

// The order statuses.
const (
	StatusOpen      OrderStatus = "open"
	StatusCompleted OrderStatus = "completed"
	StatusCancelled OrderStatus = "cancelled"
)

// PaymentStatus is what has happened to the buyer's money. Empty when the platform says something that we do not know.
type PaymentStatus string

// The payment statuses.
const (
	PaymentPending           PaymentStatus = "pending"
	PaymentAuthorized        PaymentStatus = "authorized"
	PaymentPartiallyPaid     PaymentStatus = "partially_paid"
	PaymentPaid              PaymentStatus = "paid"
	PaymentPartiallyRefunded PaymentStatus = "partially_refunded"
	PaymentRefunded          PaymentStatus = "refunded"
	PaymentVoided            PaymentStatus = "voided"
	PaymentExpired           PaymentStatus = "expired"
)

// Rank orders payment statuses by how far the money has gone, for deciding between two versions with one timestamp.
func (s PaymentStatus) Rank() int {
	return rank(s, PaymentPending, PaymentExpired, PaymentVoided, PaymentAuthorized, PaymentPartiallyPaid, PaymentPaid,
		PaymentPartiallyRefunded, PaymentRefunded)
}

// FulfillmentStatus is what has happened to the goods. Empty when the platform says something that we do not know.
type FulfillmentStatus string

// The fulfilment statuses.
const (
	FulfillmentNotRequired FulfillmentStatus = "not_required"
	Unfulfilled            FulfillmentStatus = "unfulfilled"
	PartiallyFulfilled     FulfillmentStatus = "partially_fulfilled"
	Fulfilled              FulfillmentStatus = "fulfilled"
	Delivered              FulfillmentStatus = "delivered"
	Returned               FulfillmentStatus = "returned"
)

// Rank orders fulfilment statuses by how far the goods have gone.
func (s FulfillmentStatus) Rank() int {
	return rank(s, FulfillmentNotRequired, Unfulfilled, PartiallyFulfilled, Fulfilled, Delivered, Returned)
}

// rank returns the place of s, counted from 1; 0 when it is unknown.
func rank[S comparable](s S, ordered ...S) int {
	for i, o := range ordered {
		if s == o {
			return i + 1
		}
	}
	return 0
}

// Basis says where the grand total comes from.
type Basis string

// The bases.
const (
	BasisPlatform Basis = "platform" // the platform states it
	BasisComputed Basis = "computed" // summed up here from the platform's parts
	BasisPartial  Basis = "partial"  // parts are still missing; a later revision completes it
)
