package store

import (
	"context"

	"hub"
	"hub/internal/connect"
	"hub/sharding"
)

// Keeper is the control database as a process opens it that makes one refresh call and ends.
type Keeper struct {
	Connect
	s *Store
}

// OpenKeeper opens the control database alone, which is there and migrated.
func OpenKeeper(control string, clock hub.Clock) (*Keeper, error) {
	cfg := Config{Control: control, Clock: clock, Writers: 1, Readers: 1}.withDefaults()
	src, err := parse(roleControl, "control", control)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, byID: map[hub.ShardID]*database{}}
	s.slots.Store(&sharding.Map{})
	if s.control, err = openDatabase(src, cfg, func(context.Context, *database) error { return nil }); err != nil {
		return nil, err
	}
	return &Keeper{Connect: Connect{s}, s: s}, nil
}

// Close closes the connections.
func (k *Keeper) Close(ctx context.Context) error { return k.s.Close(ctx) }

var _ connect.Errands = (*Keeper)(nil)
