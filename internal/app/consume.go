package app

import (
	"context"

	"hub"
	"hub/internal/bus"
)

// Consume hands the events of the stream to a handler in this process, as bus.Consume does: at least once each, until ctx
// ends. The embedded broker has no port, so this is how its events are heard; it must end before Run does. A broker that
// did not start is KindUnavailable.
func (h *Hub) Consume(ctx context.Context, c bus.Consumer, handle func(context.Context, bus.Event) error) error {
	if h.bus == nil {
		return hub.Errorf(hub.KindUnavailable, "consuming", "the embedded broker did not start")
	}
	return h.bus.Consume(ctx, c, handle)
}
