package bus

import (
	"context"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// Headers of a dead letter, whose data is the event as it was told and nothing else. HeaderCause is the error's code or,
// where it has none, its kind; never its text.
const (
	HeaderCause      = "Hub-Cause"
	HeaderDeliveries = "Hub-Deliveries"
	HeaderConsumer   = "Hub-Consumer"
	HeaderSubject    = "Hub-Subject"
)

// bury stores an event in StreamDead as hub.{tenant}.dead.{consumer} and returns when it is durable. The same event of
// the same consumer is stored once within the stream's window for duplicates.
func (b *Bus) bury(ctx context.Context, consumer string, in delivery, attempts int, cause error) error {
	ctx, cancel := b.deadline(ctx)
	defer cancel()
	parts := strings.Split(in.Subject(), ".")
	tenant := string(hub.Operator)
	if len(parts) > 1 && token(parts[1]) {
		tenant = parts[1]
	}
	code := string(hub.CodeOf(cause))
	if code == "" {
		code = hub.KindOf(cause).String()
	}
	m := &nats.Msg{Subject: "hub." + tenant + ".dead." + consumer, Data: in.Data(), Header: nats.Header{
		HeaderCause:      {code},
		HeaderDeliveries: {strconv.Itoa(attempts)},
		HeaderConsumer:   {consumer},
		HeaderSubject:    {in.Subject()},
	}}
	for _, name := range []string{HeaderSequence, HeaderTrace} {
		if v := in.Headers().Get(name); v != "" {
			m.Header.Set(name, v)
		}
	}
	if id := in.Headers().Get(jetstream.MsgIDHeader); id != "" {
		m.Header.Set(jetstream.MsgIDHeader, consumer+"/"+id)
	}
	_, err := b.js.PublishMsg(ctx, m)
	if heals(err) {
		if err = b.ensure(ctx); err == nil {
			_, err = b.js.PublishMsg(ctx, m)
		}
	}
	if err != nil {
		return unavailable("storing dead letter", consumer, err)
	}
	return nil
}
