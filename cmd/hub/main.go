// Command hub is a multi-tenant integration hub for cross-border e-commerce: orders of many shops come in by webhook,
// are kept exactly and durably, and are pulled by ERP systems.
//
// A tour of the code, bottom up. Each package begins with what it promises and what it does not.
//
//   - hub (the root) is the vocabulary: identifiers, exact money, the one order with the data class of every field,
//     changes, error kinds, the transaction token. It imports nothing.
//   - adapters/driver is the contract with a platform's protocol; adapters/shopify and its siblings are the protocols.
//   - gdpr seals personal data under keys that can be destroyed; sharding says which shard a tenant lives on.
//   - internal/wal is the log that a delivery is in before its platform gets a 200.
//   - internal/intake is the webhook door in front of that log and the drainers behind it; internal/orders applies an
//     order under a version guard; internal/erp serves feed, lists and acknowledgements; internal/tenancy knows tenants,
//     keys, apps and connections. These are the use cases: they see databases only through interfaces of their own.
//   - internal/store is all of the SQL, the same on SQLite and MySQL. It makes the transactions and numbers the feed.
//   - internal/httpapi is the front door over HTTP; internal/config reads the settings.
//   - internal/app puts the parts together and lists the platforms; internal/demo shows the whole at work.
//   - cmd/hub, here, reads the command line, calls one function and turns its error into an exit code.
//
// One delivery on its way: httpapi bounds the body, intake verifies the signature, seals and appends, wal fsyncs, the
// platform gets its 200. A drainer reads the log, the driver normalises, one transaction on the tenant's shard removes
// duplicates, applies, numbers the change and commits, the bell wakes the ERP that waits for the feed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// The first signal asks for a regular stop, the second ends the process at once.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
