package store

import "context"

// Inspect asks every database of cfg whether a hub could use it, and changes nothing: it makes and migrates no file. The
// error is about cfg itself.
func Inspect(ctx context.Context, cfg Config) ([]Health, error) {
	s, err := assemble(cfg)
	if err != nil {
		return nil, err
	}
	defer s.Close(context.WithoutCancel(ctx))
	return s.Health(ctx), nil
}
