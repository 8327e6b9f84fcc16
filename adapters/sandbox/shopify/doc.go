// Package shopify is a small Shopify to test against: a shop that takes orders, changes them, and signs webhook deliveries
// the way the real one does.
//
// It promises that its bodies are compact JSON with escaped slashes, that money is written with the decimals of its
// currency, that identifiers exceed 2^53, and that a delivery carries the documented headers with a signature over the
// very bytes it sends. It is an oracle: it shares no code with the driver, so a mistake made there is not repeated here.
// One seed gives one history. It is not safe for concurrent use.
//
// It does not serve an API, retry or drop deliveries yet; whoever uses it decides what to send, how often and in which
// order.
package shopify
