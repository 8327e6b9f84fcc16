package app

import (
	"context"

	"hub/internal/bus"
)

// Consume hands the events of the stream to a handler in this process, as bus.Consume does: at least once each, until ctx
// ends. The embedded broker has no port, so this is how its events are heard; it must end before Run does. A broker that
// does not run yet is waited for, and one that is started anew is followed. After Run it is KindUnavailable.
func (h *Hub) Consume(ctx context.Context, c bus.Consumer, handle func(context.Context, bus.Event) error) error {
	for ctx.Err() == nil {
		err := h.consume(ctx, c, handle)
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// consume hands out what one life of the broker has.
func (h *Hub) consume(ctx context.Context, c bus.Consumer, handle func(context.Context, bus.Event) error) error {
	now, life, end, err := h.broker.await(ctx)
	if err != nil {
		return err
	}
	defer end()
	return now.Consume(life, c, handle)
}
