// Package adaptertest is the conformance suite of storefront drivers: what package driver promises, as tests that every
// driver runs with its own samples.
//
// It promises to show a driver that accepts a forged delivery, loses or invents money, reads one document in two ways,
// panics on damaged input, lets a piece of a payload into an error, or leaves a documented word without a row. It signs
// through the harness, never through the driver, so a driver cannot agree with itself.
//
// It does not know any platform and does not test what only one platform has; that stays in the driver's own tests.
package adaptertest

import (
	"net/http"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// Harness is what a driver's test brings along. Every list must have entries; an empty one fails the suite, for a suite
// without samples proves nothing.
type Harness struct {
	Driver driver.Storefront
	// Sign makes the headers that the platform would send with body. It is written from the platform's documentation,
	// not from the driver.
	Sign func(body []byte, secret string, n driver.Notice) http.Header
	// SignatureHeader is the canonical name of the header that carries the signature.
	SignatureHeader string
	// URL is the registered address that the deliveries come to, and ClientID the app that they are for.
	URL, ClientID string
	// Probe reports whether a body is a trial of the address, which is answered whatever its signature; nil: never.
	Probe func(body []byte) bool
	// Unsigned: the platform signs nothing, so Sign ignores the secret and Verify must take what Forged does not list.
	Unsigned bool
	// Forged are deliveries that must be refused beside those that the suite makes itself.
	Forged []Forged
	// Account is the shop that the deliveries are for.
	Account string

	Deliveries []Delivery
	Orders     []Order
	Bad        []Bad
	Strange    []Strange
	// Envelope puts bare orders into each form that Split must recognise.
	Envelope func(orders [][]byte) []Envelope
	// Words are the values that the platform's documentation lists.
	Words []Word
}

// Delivery is a body and what Read must make of it.
type Delivery struct {
	Name   string
	Notice driver.Notice
	Body   []byte
	Want   Meaning
	Code   hub.Code       // with WantError
	ID     hub.ExternalID // of the draft or the hint
}

// Forged is a delivery that did not come from the platform.
type Forged struct {
	Name   string
	Signed driver.Signed
}

// Meaning is the kind of a driver.Reading.
type Meaning int

// The meanings.
const (
	WantDraft Meaning = iota
	WantDeleted
	WantHint
	WantIgnored
	WantError
)

// Order is one complete order in one or several spellings, which must give the same order byte for byte.
type Order struct {
	Name      string
	Documents [][]byte // as Split takes them, one order each
	// Adjustment is what the platform's own parts leave unexplained, "0.00"; Reason says why when it is not zero.
	Adjustment, Reason string
	// Want is the expected order as JSON; empty: not compared.
	Want []byte
}

// Bad is a document that must be refused.
type Bad struct {
	Name     string
	Document []byte
	Code     hub.Code
	Path     string
}

// Strange is an order with a word that no table knows.
type Strange struct {
	Name     string
	Document []byte
	Status   string // the expected platform_status
}

// Envelope is one form in which several orders come.
type Envelope struct {
	Name     string
	Document []byte
}

// Word is one documented value of a platform's field.
type Word struct {
	Field, Value string
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for name, n := range map[string]int{
		"Deliveries": len(h.Deliveries), "Orders": len(h.Orders), "Bad": len(h.Bad), "Strange": len(h.Strange),
		"Words": len(h.Words),
	} {
		if n == 0 {
			t.Fatalf("the harness has no %s", name)
		}
	}
	for _, part := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"VerifyAccepts", testVerifyAccepts},
		{"VerifyRefuses", testVerifyRefuses},
		{"VerifyHeaders", testVerifyHeaders},
		{"VerifyForged", testVerifyForged},
		{"Read", testRead},
		{"Orders", testOrders},
		{"Envelopes", testEnvelopes},
		{"Bad", testBad},
		{"Strange", testStrange},
		{"Statuses", testStatuses},
		{"Damaged", testDamaged},
		{"Skim", testSkim},
		{"Leaks", testLeaks},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, h) })
	}
}
