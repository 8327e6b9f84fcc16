// Package shopee is a Shopee Open Platform v2 to test against: shops that take orders, signed calls and pushes, the pages
// on which a seller lets an app in, and tokens that rotate, as strict as the real platform is documented to be.
//
// A Platform holds shops and apps, serves the platform's addresses as an http.Handler and sends pushes itself, with the
// documented time-out, retries, loss and switching off. Its time is a virtual clock that the owner advances, or a clock
// that is given.
//
// It promises that every amount that it tells is exact: what a buyer paid is, to the last unit, what the parts of the
// escrow add up to, and Orders tells it by the sandbox's own arithmetic. All randomness comes from the seed: the same calls
// in the same order give the same run. Every fault that it plays is counted. What the platform's documentation leaves open
// is marked (U): a guess, on the strict side where there is one. It is an oracle: it shares no code with the driver, so a
// mistake made there is not repeated here.
//
// A Platform is safe for concurrent use. It keeps everything in memory and ends with the process. It has no catalogue, no
// stock, no logistics calls, no bookings and no sellers' passwords; every fact about the real platform is from its API
// reference and developer guides 14 to 32, 229 and 644.
package shopee
