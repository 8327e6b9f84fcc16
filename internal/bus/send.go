package bus

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"hub"
)

// Codes of the server's errors (its jetstream_errors_generated.go, 2.15.2).
const (
	errWrongLast      jetstream.ErrorCode = 10071
	errWrongConstant  jetstream.ErrorCode = 10164 // another message of the line is on its way in a cluster
	errAtomicDisabled jetstream.ErrorCode = 10174
	errIncomplete     jetstream.ErrorCode = 10176 // a part of the batch was not kept: a message was refused, or the disk is full
	errDuplicate      jetstream.ErrorCode = 10201
	errLimits         jetstream.ErrorCode = 10002 // of the account: full, not the message's fault
	errSealed         jetstream.ErrorCode = 10109 // the stream takes nothing at all
	errDuplicateMeets jetstream.ErrorCode = 10158 // the same identifier is on its way in a cluster
)

// send publishes the pieces as one atomic batch and returns the position of its last message.
func (b *Bus) send(ctx context.Context, batch []*piece) (uint64, error) {
	var msgs []*nats.Msg
	for _, c := range batch {
		first := c.msgs[0].Header
		first[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(c.after, 10)}
		first[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{lineFilter(c.line)}
		msgs = append(msgs, c.msgs...)
	}
	ctx, cancel := b.deadline(ctx)
	defer cancel()
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return 0, unavailable("publishing", "", ctx.Err())
	}
	if err := b.connected("publishing"); err != nil {
		return 0, err
	}
	// The commit's answer speaks for all: waiting for one at the first message would cost a round trip a batch.
	ack, err := jetstreamext.PublishMsgBatch(ctx, b.js, msgs, jetstreamext.BatchFlowControl{})
	if err != nil {
		return 0, err
	}
	if ack.Stream != StreamOrders {
		return 0, unavailable("publishing", "", errors.New("another stream takes the hub's subjects"))
	}
	return ack.Sequence, nil
}

// deadline gives an operation an end: the caller's or ours, and that of the connection.
func (b *Bus) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := b.link.during(ctx)
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	return ctx, func() { cancel(); stop() }
}

// refused says that the broker looked at a batch and did not take it because of what is in it.
func refused(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.Code >= http.StatusInternalServerError || api.Code == http.StatusTooManyRequests {
		return false
	}
	switch api.ErrorCode { // about the stream or the server
	case errDuplicateMeets, errAtomicDisabled, errLimits, errSealed:
		return false
	}
	return true
}

func outOfStep(err error) bool { return has(err, errWrongLast) || has(err, errWrongConstant) }

func duplicate(err error) bool { return has(err, errDuplicate) }

// heals says that nothing was taken for a reason which making the streams anew removes.
func heals(err error) bool {
	return missing(err) || errors.Is(err, nats.ErrNoResponders) || has(err, errAtomicDisabled)
}

func missing(err error) bool { return errors.Is(err, jetstream.ErrStreamNotFound) }

func has(err error, code jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == code
}

// outcome is the error of a batch that was not refused for what is in it. When the broker answered, or nobody was there,
// nothing of the batch is in the stream; else it may be.
func outcome(err error) error {
	var ours *hub.Error
	var api *jetstream.APIError
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &api), errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrMaxPayload):
		return unavailable("publishing", "", err)
	}
	return &hub.Error{Kind: hub.KindUnknown, Code: CodeBroker, Op: "publishing", Err: err}
}
