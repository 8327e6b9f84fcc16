package demo

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"hub"
)

// step is something that happens to an order, by the name that its platform's sandbox gives it.
type step string

// placing is what no order was there before.
const placing step = "create"

// truth is an order as it stands at its platform.
type truth struct {
	id      string
	updated time.Time // the platform's version; of a deleted order the instant of its deletion
	total   string    // what an ERP books
	deleted bool
	open    bool // the platform itself has still to make up its mind, as about the freight
}

// premises are a made-up platform as a place: its time, its addresses, and what it does by itself.
type premises interface {
	// Run sends what is due until ctx ends.
	Run(ctx context.Context)
	// Advance moves its clock by d.
	Advance(ctx context.Context, d time.Duration)
	// Now is its time.
	Now() time.Time
	// Control serves its pages and its API.
	Control() http.Handler
}

// trade is what happens in the shop on it.
type trade interface {
	// act does something to an order, or places one. KindConflict: the order cannot take it.
	act(s step, order string) (id string, err error)
	// life draws what happens to an order after it was placed.
	life(r *rand.Rand) []step
	// hush keeps the next deliveries from being sent, so many of them.
	hush(next int) error
	// orders are all that the shop has.
	orders() []truth
}

// post is what it tells the hub.
type post interface {
	// enrol makes the hub's app known, with the addresses to which browsers and deliveries go.
	enrol(p profile, redirect, hook string) error
	// dispatched counts what became of the deliveries.
	dispatched() dispatch
	// news reads in a delivery which order it is about and when that was; times of one platform compare as texts.
	news(h http.Header, body []byte) (order, at string)
	// answeredBadly counts questions that it did not answer as it should.
	answeredBadly() int
}

// platform is one made-up platform with one shop on it.
type platform interface {
	premises
	trade
	post
}

// profile is what people and settings know of a platform and the shop on it.
type profile struct {
	name     hub.Platform
	title    string // as people call the platform
	shop     string // as the platform calls the shop
	asked    string // the shop that is named beforehand, where the platform's page belongs to one
	clientID string
	secret   string
	scopes   []string            // what the app asks for, nil for what the hub needs
	consent  map[string][]string // what the owner chooses on the platform's page
	share    int                 // of the orders
	unsigned bool                // its deliveries prove nothing, so a forged one is answered like others and must have no effect
}
