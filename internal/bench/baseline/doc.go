// Package baseline is what the hub is compared with: for each of its hot paths the least code that moves the same bytes
// with the same durability.
//
// It promises to import nothing of the product, so that a slow part of the product cannot slow its own yardstick. It
// does not promise correctness: it keeps no checksum, no version guard, no numbers and no order, recovers nothing and
// checks only what costs time.
package baseline
