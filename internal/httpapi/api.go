package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"hub"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

// What Server sets, and the bounds inside of the handler. ReadTimeout must stay zero: the handler bounds the time of each
// body itself, and a deadline that outlives the body would cut long polls off.
const (
	ReadHeaderTimeout = 5 * time.Second              // of the headers of one request
	IdleTimeout       = 2 * time.Minute              // between two requests of one connection
	WriteTimeout      = erp.MaxWait + 30*time.Second // of a request from its headers to the end of the answer
	MaxHeaderBytes    = 16 << 10                     // of all headers of one request
	BodyTimeout       = 10 * time.Second             // of a whole body; above it the answer is 408
	maxRequestBody    = 64 << 10                     // of a request to /v1; webhooks have API.MaxBody
	bodiesInFlight    = 256 << 20                    // of all bodies that are in memory at one moment
)

// Door takes deliveries: *intake.Door.
type Door interface {
	// Accept returns nil once the delivery is durable, and never otherwise.
	Accept(context.Context, intake.Request) error
}

// Parking shows what could not be applied and deals with it: *intake.Parking.
type Parking interface {
	// List returns up to limit of them after an id, in the order of ids.
	List(ctx context.Context, t hub.TenantID, f intake.ParkedFilter, after hub.ParkedID, limit int) ([]intake.Parked, error)
	// Causes counts the open ones by cause.
	Causes(ctx context.Context, t hub.TenantID) (intake.Causes, error)
	// Replay applies an open one under today's rules, or says why it stays; KindConflict when it is not open.
	Replay(ctx context.Context, t hub.TenantID, id hub.ParkedID, dry bool) (intake.ReplayResult, error)
	// ReplayMany does that for up to limit of them after an id.
	ReplayMany(ctx context.Context, t hub.TenantID, f intake.ParkedFilter, after hub.ParkedID, limit int, dry bool) (intake.Replays, error)
	// Drop gives an open one up for good.
	Drop(ctx context.Context, t hub.TenantID, id hub.ParkedID) error
}

// Renewing reads stored payloads again under today's rules: *intake.Renormaliser.
type Renewing interface {
	// Page deals with up to limit orders after an id; a dry run only says what differs.
	Page(ctx context.Context, t hub.TenantID, f intake.AppliedFilter, after hub.OrderID, limit int, dry bool) (intake.Renewals, error)
}

// API is the doors and what is behind them. All fields are set by package app and not changed afterwards.
type API struct {
	Door            Door
	Parking         Parking
	Feed            *erp.Feed
	Orders          *erp.Orders
	Personal        *erp.Personal
	Lineage         *erp.Tracer
	Renewing        Renewing
	Forget          Forget
	Cycles          Cycles
	Journey         Journey
	Shops           Shops
	Reconciliations Reconciliations
	Tenancy         *tenancy.Service
	Directory       *tenancy.Directory
	Ready           func(context.Context) []Problem // empty when everything works; quick, it is asked by load balancers
	MaxBody         int64                           // bytes of a webhook
	PublicURL       func() string                   // where platforms reach this hub, without a slash at the end
	Logger          *slog.Logger
	RequestID       func() string // a new one, as hub.IDSource.New(hub.RequestPrefix) makes it
	Clock           hub.Clock     // for the durations in the log; without one they are zero
	Version         string        // of the program, shown on the documentation page
	Events          Events        // what is told to the broker, described
	Metrics         http.Handler  // of the admin port's /metrics; nil when nobody measures
	// Answered is told of every answered request of the public port, with the pattern of its route; may be nil.
	Answered func(method, route string, status int, took time.Duration)
	// Begun is told when a request to the public port begins, and what it returns of how it was answered. The context is the
	// handler's. Nil when nobody traces, and then it costs nothing.
	Begun func(context.Context) (context.Context, func(Answer))
}

// Answer is how a request was answered. A client chose nothing of it.
type Answer struct {
	Method, Route string // the pattern of the route
	Status        int
	Tenant        hub.TenantID // "" when none is proven
	RequestID     string
}

// Events describes what listeners to the broker hear. An empty one is not served.
type Events struct {
	AsyncAPI []byte            // as JSON
	Schemas  map[string][]byte // JSON Schemas by the last part of their address
}

// Problem names one thing that keeps the hub from working. Anybody can read it, so it holds no address and no secret.
type Problem struct {
	Part   string // what does not work: "shard s2"
	Detail string // what is wrong with it: "no answer"
	Blocks bool   // nothing can be accepted: the hub is not ready. Otherwise it accepts, and something lags behind.
}

// Server returns the server that a handler of this package needs around it, without an address.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: ReadHeaderTimeout, WriteTimeout: WriteTimeout, IdleTimeout: IdleTimeout,
		MaxHeaderBytes: MaxHeaderBytes,
	}
}

// server is an API while it is put together.
type server struct {
	API
	huma      huma.API
	bodies    *budget
	scratches sync.Pool // of *scratch
}

// Handler returns the handler of the public port. It is safe for concurrent use.
func (a API) Handler() http.Handler {
	handler, _ := a.build()
	return handler
}

// build returns the public handler and its description.
func (a API) build() (http.Handler, *huma.OpenAPI) {
	s := &server{API: a, bodies: newBudget(max(bodiesInFlight, 8*a.MaxBody))}
	r := chi.NewRouter()
	r.Use(s.trace, s.recover, s.boundBody, headAsGet)
	r.NotFound(s.fail(&hub.Error{Kind: hub.KindNotFound, Code: "route_not_found"}))
	r.MethodNotAllowed(s.methodNotAllowed(r))
	s.huma = newHuma(r)

	s.health(r)
	s.hooks(r)
	s.orders()
	s.lineages()
	s.tenants()
	s.keys()
	s.apps()
	s.connections()
	s.connecting()
	s.pages(r)
	s.parked()
	s.renormalisations()
	s.reconciliations()
	s.forgetting()
	s.instances()
	finish(s.huma.OpenAPI())
	s.document(r)
	return r, s.huma.OpenAPI()
}
