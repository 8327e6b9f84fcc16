// Package demo runs a whole hub against a made-up Shopify, Shopee and Mercado Libre, and shows that nothing is lost and
// nothing is booked twice.
//
// It promises that the hub in it is the real one, opened by package app on a temporary folder with the embedded defaults
// and full durability, which polls more often than usual; that every shop is connected as its owner does it, through the
// platform's own page in a browser, and had orders before; that all traffic goes over HTTP with real signatures, tokens and
// keys, on a road that refuses some deliveries and loses the answers of others, to platforms that keep some news for
// themselves and answer some questions badly; and that Run returns an error unless every order is in the hands of its ERP
// exactly once and as it stands at the platform, and every change was heard on the stream. Its figures are of one run on one
// machine, not a benchmark. The seed decides the shops, the lives of their orders and the rates of the faults; which of them
// meet is up to the clock, so two runs differ.
//
// Time passes faster at the platforms than here, so they allow more in a second than they document, and the hub in it is told
// so. It does not play a deletion that nobody tells: a list of orders does not show what is not
// there any more, and only the day's statement finds it.
package demo
