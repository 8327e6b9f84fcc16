// Package reconcile says, for each shop and day, whether the hub has every order that the platform lists, in statements that
// anybody can verify offline.
//
// It promises that a statement says equal only after the platform's list of the day was read twice in a row with the same
// orders in it, by a clock of the platform that is past the day, and the hub then had every one of them, no other, and, as far as
// the statement says that it compared these, each cancelled or not as the list says and of the amount that the list tells, with the buyer's shipping or without, as the statement says; that
// everything which could not be asked in full, a page, a token, a day at the edge of what the shop lets us see, makes a statement
// say unknown with a code, and never equal, and hides no difference that was seen; that each difference is named, as far as there
// is room, has its turn to be fetched again, and is named as repaired only when it was gone afterwards; that a day of the last
// three that is equal is confirmed once a day; that no statement is ever changed or removed, so the first one of a difference
// stays beside the one that says what became of it; and that a statement is signed over its exact bytes.
//
// It does not prove what a platform's list leaves out each time and the hub has not either, it does not compare money where
// the list tells none, or of an order that the hub has in a newer version (statements say what they compared), it does not repair
// what only the hub has, it finds rows that are deleted later than three days after the day only when somebody asks, and it does
// not book: orders that no ERP has acknowledged are counted and named, and are no difference.
package reconcile
