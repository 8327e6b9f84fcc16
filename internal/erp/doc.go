// Package erp serves what was decided: the exact feed of a tenant's changes, the current orders, and the
// acknowledgements of the systems that booked them.
//
// It promises that a page of the feed never changes, has no hole and is never followed by a number that shows up behind
// it; that what it serves is durable, so that no crash takes back what a client has seen; and that an acknowledgement is
// kept once for each client and order. Personal fields are added only by Personal, under the rules that it states, and never
// stored or remembered here.
package erp
