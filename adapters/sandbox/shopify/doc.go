// Package shopify is a Shopify to test against: shops that take orders, signed webhook deliveries, OAuth and the GraphQL
// Admin API, as strict as the real platform is documented to be.
//
// A Shop alone is a generator: it takes orders, changes them and signs deliveries that its caller sends. A Platform holds
// shops and apps, serves the platform's addresses as an http.Handler and sends deliveries itself, with the documented
// time-outs, retries and removals. Its time is a virtual clock that the owner advances, or a clock that is given.
//
// It promises that its bodies are compact JSON with escaped slashes, that REST money has the decimals of its currency and
// GraphQL decimals are not padded, that identifiers exceed 2^53, and that a delivery carries the documented headers with
// a signature over the very bytes it sends. All randomness comes from the seed: the same calls in the same order give the
// same run. Every fault that it plays is counted. What the platform's documentation leaves open is marked (U): a guess,
// on the strict side where there is one. It is an oracle: it shares no code with the driver, so a mistake made there is
// not repeated here.
//
// A Platform is safe for concurrent use; a Shop alone is not. It keeps everything in memory and ends with the process.
// It has no bulk mutations, no stock, no products, no REST Admin API and no merchants' passwords.
package shopify
