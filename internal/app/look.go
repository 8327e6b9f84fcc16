package app

import (
	"context"

	"hub"
)

// Look checks a connection now, as the hub does by itself again and again: the platform is asked with the connection's token,
// and what was found is stored. KindPermanent with driver.CodeReconnect: only its owner can mend it.
func (h *Hub) Look(ctx context.Context, id hub.ConnectionID) error {
	_, err := h.connect.Check(ctx, id)
	return err
}
