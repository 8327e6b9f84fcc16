// Package demo runs a whole hub against a made-up Shopify and shows that nothing is lost and nothing is booked twice.
//
// It promises that the hub in it is the real one, opened by package app on a temporary folder with the embedded defaults
// and full durability; that all traffic goes over HTTP with real signatures and keys, on a road that refuses some
// deliveries and loses the answers of others; and that Run returns an error unless every order is in the hands of its ERP
// exactly once and as it stands at the platform, and every change was heard on the stream. Its figures are of one run on
// one machine, not a benchmark. The seed decides the shop, the lives of its orders and the rates of its faults; which of
// them meet is up to the clock, so two runs differ.
//
// It does not play what a hub that only listens cannot survive: a last version that is never delivered, and a delivery
// that lies. Those need polling.
package demo
