// Package fetch reads orders from platforms: those that a notification was about, those that changed since it last looked,
// those that were there before the shop was connected, and deliveries that a platform could not deliver.
//
// It promises that what it read is durable in the log before it is noted as read, so a crash reads again and never skips;
// that polling goes on where it stopped, however long the hub was away, and looks again at what lies shortly before; that a
// list whose pages shift while they are read is read until it shows nothing new; that backfill goes from the newest order
// to the oldest, part by part, and says how far it is; and that a platform which says no keeps only its own shop waiting.
//
// It does not decide what an order is or which version wins, does not bound calls (package adapters does), does not run
// itself (package jobs does), and does not prove completeness: package reconcile does.
package fetch
