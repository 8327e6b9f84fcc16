package store

import "context"

// Inspect asks every database of cfg whether a hub could use it. It may run beside a serving hub and changes nothing: a
// SQLite file is opened read-only, is neither made, migrated nor checkpointed, and one that is missing is an error of its
// Health. (Beside a -wal that was copied without its -shm, SQLite makes the -shm, an index that holds no data.) The error
// is about cfg itself.
func Inspect(ctx context.Context, cfg Config) ([]Health, error) {
	s, err := assemble(cfg, forLooking)
	if err != nil {
		return nil, err
	}
	defer s.Close(context.WithoutCancel(ctx))
	return s.Health(ctx), nil
}
