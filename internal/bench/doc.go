// Package bench measures the hub against the least that its work could cost: its door against the same door without a
// disk, its log against a bare group commit, its drain against plain inserts of the same rows, its feed against a SELECT.
//
// It promises that both sides of a ratio run in turns in one process, in the product's case with the settings of a
// serving hub, and that a baseline imports nothing of the product (internal/archtest holds that). Everything is in its
// test files: `make bench` prints the table, `go test` only checks with tiny counts that the measuring works. It does not
// promise absolute figures: those depend on the machine, and on who else uses it at the time.
package bench
