// Package orders decides: it applies versions of orders to the stored state, newest version first to last, and says what
// changed.
//
// It promises that the stored state of an order converges to the newest version of its source whatever the order of
// arrival, the number of copies and the number of hubs; that a reading which lacks parts never takes the place of a fuller
// one of the same source version, and says so where it is the newest there is; that each accepted version makes exactly one
// change in the feed, in the transaction that stores it; that personal fields leave it sealed, each person's apart, and that
// everybody whose data it stores is in the register in the same transaction. Late news of somebody who was erased changes
// the business record and takes away what that person's older versions left. It does not remember deliveries (the intake
// does), it does not decide who is erased, and it does not ask platforms.
package orders
