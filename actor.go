package hub

import "context"

// Actor is who does something: a person or a system by an API key, or the hub itself.
type Actor struct {
	Key     KeyID  // "" for the hub itself and for the operator's bootstrap key
	Role    string // of the key; "system" for the hub itself
	Request string // id of the request, "" for the hub's own work
}

type actorKey struct{}

// WithActor returns a context in which a does what is done. The record of a change names it.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who acts in ctx; the hub itself when nobody was named.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Role: "system"}
}
