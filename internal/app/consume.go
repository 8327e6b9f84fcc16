package app

import (
	"context"

	"hub/internal/bus"
)

// Consume hands the events of the stream to a handler in this process, as bus.Consume does: at least once each, until ctx
// ends. The embedded broker has no port, so this is how its events are heard; it must end before Run does. A broker that
// does not run is KindUnavailable; one that is started anew meanwhile ends it no sooner, so call it again then.
func (h *Hub) Consume(ctx context.Context, c bus.Consumer, handle func(context.Context, bus.Event) error) error {
	now, err := h.broker.current()
	if err != nil {
		return err
	}
	return now.Consume(ctx, c, handle)
}
