package bus

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/relay"
)

// Last implements relay.Broker. It asks the stream's leader. A message of the line without a number is none of ours:
// KindInternal.
func (b *Bus) Last(ctx context.Context, l relay.Line) (relay.Message, error) {
	const op = "looking for last event"
	ctx, cancel := b.deadline(ctx)
	defer cancel()
	s, err := b.stream(ctx, op)
	if err != nil {
		return relay.Message{}, err
	}
	m, err := s.GetLastMsgForSubject(ctx, lineFilter(l))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return relay.Message{}, nil
	}
	if err != nil {
		return relay.Message{}, unavailable(op, string(l.Tenant), err)
	}
	sequence, err := strconv.ParseInt(m.Header.Get(HeaderSequence), 10, 64)
	if err != nil {
		return relay.Message{}, &hub.Error{Kind: hub.KindInternal, Code: CodeEvent, Op: op, Subject: string(l.Tenant)}
	}
	return relay.Message{Position: m.Sequence, Sequence: sequence, Change: changeOf(m.Header), At: m.Time.UTC()}, nil
}

// changeOf reads the change's identifier, without what marks one that was told again.
func changeOf(h nats.Header) hub.ChangeID {
	id, _, _ := strings.Cut(h.Get(jetstream.MsgIDHeader), ".")
	return hub.ChangeID(id)
}

// Created implements relay.Broker, to the microsecond, which is what a database keeps of it.
func (b *Bus) Created(ctx context.Context) (time.Time, error) {
	ctx, cancel := b.deadline(ctx)
	defer cancel()
	s, err := b.stream(ctx, "looking at stream")
	if err != nil {
		return time.Time{}, err
	}
	return s.CachedInfo().Created.UTC().Truncate(time.Microsecond), nil
}

// Holds implements relay.Broker. A message that is gone aged out in the regular way when it was told longer ago than the
// stream keeps messages, or when the stream has a bound in bytes, is full and begins behind it.
func (b *Bus) Holds(ctx context.Context, m relay.Mark) (bool, error) {
	const op = "looking for mark"
	if m.Created.IsZero() {
		return true, nil
	}
	ctx, cancel := b.deadline(ctx)
	defer cancel()
	if err := b.connected(op); err != nil {
		return false, err
	}
	s, err := b.js.Stream(ctx, StreamOrders)
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(op, StreamOrders, err)
	}
	info := s.CachedInfo()
	switch {
	case !info.Created.Truncate(time.Microsecond).Equal(m.Created.Truncate(time.Microsecond)):
		return false, nil
	case m.Position == 0:
		return true, nil
	case m.Position > info.State.LastSeq: // an older copy of the store
		return false, nil
	}
	msg, err := s.GetMsg(ctx, m.Position)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return b.aged(m, info) || full(info) && m.Position < info.State.FirstSeq, nil
	}
	if err != nil {
		return false, unavailable(op, StreamOrders, err)
	}
	return changeOf(msg.Header) == m.Change, nil
}

// aged says whether a message is so old that the stream may have dropped it; a hundredth of the time is for clocks that
// differ.
func (b *Bus) aged(m relay.Mark, info *jetstream.StreamInfo) bool {
	keeps := info.Config.MaxAge
	return keeps > 0 && b.config.Clock().Sub(m.At) > keeps-keeps/100
}

// full says whether a stream drops old messages for want of room: less than an eighth is free.
func full(info *jetstream.StreamInfo) bool {
	most := info.Config.MaxBytes
	return most > 0 && info.State.Bytes > uint64(most/8*7)
}
