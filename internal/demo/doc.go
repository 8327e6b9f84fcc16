// Package demo runs a whole hub against a made-up shop and shows that nothing is lost and nothing is booked twice.
//
// It promises that the hub in it is the real one, opened by package app on a temporary folder with the embedded defaults
// and full durability, that all traffic goes over HTTP with real signatures and keys, and that Run returns an error unless
// every order is in the hands of its ERP exactly once. Its figures are of one run on one machine, not a benchmark.
package demo
