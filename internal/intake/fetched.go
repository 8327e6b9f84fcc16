package intake

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"hub"
	"hub/adapters/driver"
)

// Topics of our own begin with this; nobody outside may use them.
const ownTopics = "hub/"

// TopicFetched is the topic of an order that the hub asked for itself. Its body is one document that a driver's Order takes.
const TopicFetched = ownTopics + "fetched"

// Fetched is one order as the hub read it from a platform.
type Fetched struct {
	Document []byte
	// Cause makes the document another delivery than an equal one that came before: with a cause of its own it is applied
	// even if the hub has had it, as when a stored order is gone. "" is none.
	Cause string
}

// takeAtOnce bounds the appends that wait for the log together; they share its syncs.
const takeAtOnce = 64

// Take makes documents durable in the log, from where they go the way of every delivery: sealed, first seen, applied or
// parked. It is all of them when it returns nil; otherwise some may be, and taking them again has no second effect.
// KindUnavailable: the backlog or the disk is full, or the log is away. KindTooLarge: one is over the log's bound, the others
// are taken.
func (d *Door) Take(ctx context.Context, e Endpoint, list []Fetched) error {
	const op = "taking fetched orders"
	if err := d.room(op); err != nil {
		return err
	}
	received := d.Clock()
	var g errgroup.Group
	g.SetLimit(takeAtOnce)
	for _, f := range list {
		g.Go(func() error {
			return d.store(ctx, op, e, driver.Delivery{
				Notice: driver.Notice{Topic: TopicFetched, DeliveryID: f.Cause}, Account: e.Account, Body: f.Document, ReceivedAt: received,
			})
		})
	}
	return g.Wait()
}

// readDelivery has the driver read a delivery, or an order that was asked for.
func readDelivery(platform driver.Storefront, d driver.Delivery) (driver.Reading, error) {
	if d.Topic != TopicFetched {
		return platform.Read(d)
	}
	draft, err := platform.Order(d.Body)
	if err != nil {
		return driver.Reading{}, err
	}
	return driver.Reading{Drafts: []driver.Draft{draft}}, nil
}

// checkTopic refuses a delivery from outside that claims to be the hub's own.
func checkTopic(n driver.Notice) error {
	if strings.HasPrefix(n.Topic, ownTopics) {
		return &hub.Error{Kind: hub.KindInvalid, Code: hub.CodeTopicUnknown, Op: "accepting delivery"}
	}
	return nil
}

// Recover makes a delivery durable that its platform gave up on and then handed over in an authenticated call of an app. It is
// the same delivery as the one that may have arrived all the same. For a shop that this app does not serve nothing is kept.
// Errors are those of Take.
func (d *Door) Recover(ctx context.Context, p hub.Platform, app hub.AppID, m driver.Missed) error {
	const op = "recovering delivery"
	e, known := d.Directory.Account(p, app, m.Account)
	if !known || m.Notice.Probe {
		return nil
	}
	if err := checkTopic(m.Notice); err != nil {
		return err
	}
	if err := d.room(op); err != nil {
		return err
	}
	return d.store(ctx, op, e, driver.Delivery{Notice: m.Notice, Account: e.Account, Body: m.Body, ReceivedAt: d.Clock()})
}
