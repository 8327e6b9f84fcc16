package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/audit"
	"hub/internal/bus"
	"hub/internal/config"
	"hub/internal/connect"
	"hub/internal/erp"
	"hub/internal/fetch"
	"hub/internal/httpapi"
	"hub/internal/intake"
	"hub/internal/jobs"
	"hub/internal/obs"
	"hub/internal/orders"
	"hub/internal/reconcile"
	"hub/internal/relay"
	"hub/internal/store"
	"hub/internal/tenancy"
	"hub/internal/wal"
)

// Options are what the surroundings decide and no operator sets.
type Options struct {
	Logger      *slog.Logger
	Version     string
	Storefronts []driver.Storefront  // Storefronts() when nil
	Clock       hub.Clock            // the system's when nil
	LogSegment  int64                // bytes of one file of the write-ahead log, 32 MiB when 0
	Observe     Observer             // nil when nobody watches
	Jobs        map[string]jobs.Kind // done beside the hub's own
	PollEvery   time.Duration        // from the end of one poll of a shop to the next; fetch.Defaults() when 0
	// Keeper is the program, with its arguments, that makes refresh calls which must outlive the hub; its main calls Keep. The
	// hub makes them itself when it is empty.
	Keeper []string
}

// appendTimeout bounds the wait for the log in the request path. Shopify gives five seconds in all.
const appendTimeout = 3 * time.Second

// Hub is an opened hub. Run serves it.
type Hub struct {
	cfg       config.Config
	o         Options
	ids       hub.IDSource
	instance  *instance
	roots     gdpr.RootStore
	intake    *intakeKeys
	store     *store.Store
	keys      *gdpr.Keys
	bell      *erp.Bell
	broker    *broker
	relays    map[hub.ShardID]*relay.Relay
	workers   map[hub.ShardID]*jobs.Worker
	tenancy   *tenancy.Service
	tokens    *connect.Source
	calls     *calls
	connect   *connect.Service
	accept    *intake.Door
	fetch     *fetch.Service
	reconcile *reconcile.Service
	log       *wal.Log
	cursors   []*wal.Cursor
	drainers  []*intake.Drainer
	pipeline  *intake.Pipeline
	auditLog  *wal.Log
	audit     *audit.Drainer
	moving    sync.Mutex // guards reported, and one move at a time
	reported  time.Time
	forgetter *forget.Forgetter
	chores    []*chore
	loop      *forget.Loop
	runner    *forget.Runner
	full      bound
	gauge     *gauge
	health    health
	metrics   *obs.Metrics
	tracer    *obs.Tracer // nil when nobody traces
	api       httpapi.API
	servers   *servers
}

// SystemClock is the time of the machine: UTC, whole microseconds, which every database here keeps exactly.
func SystemClock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NewIDs returns UUIDs of version 7.
func NewIDs() hub.IDSource {
	return func() [16]byte { return uuid.Must(uuid.NewV7()) }
}

// Open opens everything and serves nothing yet. It refuses what would not be safe: a folder in use, a missing or foreign
// root, a database that is not durable or not migrated. Shards that cannot be reached do not stop it.
func Open(ctx context.Context, cfg config.Config, o Options) (h *Hub, err error) {
	h = &Hub{cfg: cfg, o: o.withDefaults(), ids: NewIDs(), bell: erp.NewBell()}
	h.metrics = obs.New(h.o.Version, (&standing{h: h}).state)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
			h = nil
		}
	}()
	for _, step := range []func(context.Context) error{
		h.openFolder, h.openTraces, h.openKeys, h.openStore, h.openBus, h.openDirectory, h.openConnect, h.openLog, h.openAudit, h.openForget, h.openPipeline, h.openAccept, h.openFetch, h.openReconcile, h.openJobs, h.openDoors,
	} {
		if err := step(ctx); err != nil {
			return h, err
		}
	}
	return h, nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Storefronts == nil {
		o.Storefronts = Storefronts()
	}
	if o.Clock == nil {
		o.Clock = SystemClock
	}
	if o.LogSegment == 0 {
		o.LogSegment = 32 << 20
	}
	if o.PollEvery == 0 {
		o.PollEvery = fetch.Defaults().Every
	}
	return o
}

func (h *Hub) openFolder(ctx context.Context) (err error) {
	h.instance, err = awaitFolder(ctx, h.cfg.Data, h.ids, h.o.Logger)
	return err
}

// openKeys loads the roots and the intake keys. New ones are made only for a folder that has accepted nothing yet: they open
// nothing that the lost ones have sealed.
func (h *Hub) openKeys(ctx context.Context) error {
	fresh := !exists(h.path("intake")) && !exists(h.path("wal"))
	if key := h.path("intake/intake.key"); !fresh && !exists(key) {
		return hub.Errorf(hub.KindPermanent, "opening intake keys",
			"%s is gone and the log beside it is sealed under it: bring it back, or move both folders away to give the log up", key)
	}
	h.roots = openRoots(h.cfg, h.o.Clock)
	roots, err := h.roots.Load(ctx)
	if hub.KindOf(err) == hub.KindNotFound && fresh {
		roots, err = h.firstRoot(ctx)
	}
	if err != nil {
		return err
	}
	return h.openIntakeKeys(ctx, roots)
}

// firstRoot makes the root of a new installation. A vault that is sealed already belongs to an older one, whose folder is
// not where HUB_KEYS points: a root made beside it would open nothing, and what this hub then accepts under it would be lost
// with the first look at the right folder.
func (h *Hub) firstRoot(ctx context.Context) ([]gdpr.Root, error) {
	const op = "making the first root"
	c := storeConfig(h.cfg)
	c.Clock, c.IDs, c.Log = h.o.Clock, h.ids, h.o.Logger
	s, err := store.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	rings, err := s.Vault().Keyrings(ctx)
	if err := errors.Join(err, s.Close(ctx)); err != nil {
		return nil, err
	}
	if len(rings) > 0 {
		return nil, hub.Errorf(hub.KindPermanent, op, "the vault is sealed under another root: bring HUB_KEYS/forget back, or mount it")
	}
	if _, err := h.roots.Create(ctx, 1); err != nil && hub.KindOf(err) != hub.KindConflict {
		return nil, err
	}
	return h.roots.Load(ctx)
}

// openRoots returns the root store that the settings name.
func openRoots(cfg config.Config, clock hub.Clock) gdpr.RootStore {
	vault := cfg.Data
	if cfg.Vault.DSN != "" {
		vault = "" // on a server
	}
	return gdpr.OpenFileRoots(cfg.Keys, clock, vault)
}

func (h *Hub) path(name string) string { return filepath.Join(h.cfg.Data, name) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (h *Hub) openStore(ctx context.Context) (err error) {
	remembered := h.intake.copy("shards.sealed")
	c := storeConfig(h.cfg)
	c.Clock, c.IDs, c.Log, c.OnFeed, c.OnJobs, c.Instance = h.o.Clock, h.ids, h.o.Logger, h.grown, h.enqueued, h.instance.id
	if c.Map, err = loadMap(remembered); err != nil {
		return err
	}
	if h.store, err = store.Open(ctx, c); err != nil {
		return err
	}
	h.keys = gdpr.NewKeys(h.roots, h.store.Vault(), h.ids, h.o.Clock, gdpr.Options{Retention: h.retention, Monotonic: time.Now})
	if now := h.store.Map(); now.Version() != c.Map.Version() {
		return saveMap(remembered, now)
	}
	return nil
}

// openDirectory reads who may come in, from the control database or else from the last sealed copy.
func (h *Hub) openDirectory(ctx context.Context) error {
	directory := tenancy.NewDirectory(h.store.Tenancy(), h.keys, h.intake.copy("directory.sealed"))
	h.tenancy = &tenancy.Service{
		Repo: h.store.Tenancy(), Credentials: h.keys, Directory: directory, Clock: h.o.Clock, IDs: h.ids,
		Random: rand.Reader, Platforms: names(h.o.Storefronts), Shop: ShopNames(h.o.Storefronts), PublicURL: h.knownURL,
	}
	restored := directory.Restore()
	if restored != nil && hub.KindOf(restored) != hub.KindNotFound {
		return restored
	}
	if h.cfg.BootstrapKey != "" {
		directory.Trust(h.cfg.BootstrapKey.Reveal())
	}
	err := directory.Refresh(ctx)
	if hub.KindOf(err) == hub.KindUnavailable && restored == nil {
		h.o.Logger.Warn("control database not reached: working from the last copy of the directory", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	return h.checkRoot(ctx)
}

// checkRoot opens a key that every installation has, so that a wrong root is found now and not at the first order.
func (h *Hub) checkRoot(ctx context.Context) error {
	_, err := h.keys.Tenant(ctx, hub.Operator)
	if hub.KindOf(err) == hub.KindUnavailable {
		return nil
	}
	return err
}

func (h *Hub) openLog(context.Context) (err error) {
	if h.tenancy.Directory.Version() > 0 && !exists(h.path("wal")) {
		h.o.Logger.Warn("no log in the data folder: starting a new one; what the old one held undrained is not here")
	}
	h.log, err = wal.Open(h.path("wal"), wal.Options{Now: h.o.Clock, SegmentBytes: h.o.LogSegment})
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, "opening log", "%w", err)
	}
	h.intake.follow(h.log)
	return nil
}

func (h *Hub) openPipeline(context.Context) error {
	h.pipeline = &intake.Pipeline{
		Platforms: byPlatform(h.o.Storefronts), Keys: h.keys, Shards: measuredShards{h.o.Observe.shards(h.store), h.metrics},
		Orders: orders.New(h.store.Orders(), h.store.Feed(), h.store.Subjects(), h.ids), Repo: h.store.Intake(), IDs: h.ids,
		Lacking: h.metrics.Lacking,
	}
	for _, shard := range h.store.Map().Shards() {
		cursor, err := h.log.Cursor("shard-" + string(shard))
		if err != nil {
			return hub.Errorf(hub.KindUnavailable, "opening drain cursor", "%s: %w", shard, err)
		}
		h.cursors = append(h.cursors, cursor)
		h.drainers = append(h.drainers, &intake.Drainer{
			Shard: shard, Log: h.log, Cursor: cursor, Key: h.intake, Pipeline: h.pipeline,
			Clock: h.o.Clock, Logger: h.o.Logger, Hurry: h.intake.moving.Load, Drained: h.tracedBatches(),
		})
	}
	return nil
}

// openAccept makes the door of the log, for what platforms deliver and for what the hub fetches.
func (h *Hub) openAccept(context.Context) error {
	h.gauge = &gauge{Appender: measuredLog{h.o.Observe.log(h.log), h.metrics}, clock: h.o.Clock}
	h.accept = &intake.Door{
		Platforms: h.pipeline.Platforms, Directory: h.door(), Key: h.intake, Log: h.gauge,
		Full: h.full.exceeded, Clock: h.o.Clock, IDs: h.ids, Timeout: appendTimeout, Dropped: h.metrics.Dropped,
	}
	return nil
}

func (h *Hub) openDoors(ctx context.Context) error {
	if err := h.firstKey(ctx); err != nil {
		return err
	}
	h.api = httpapi.API{
		Door: measuredDoor{h.accept, h.pipeline.Platforms, h.metrics},
		Parking: &intake.Parking{
			Pipeline: h.pipeline, Reader: h.store.Intake(), Directory: h.door(),
			Ready: func(t hub.TenantID) error { return h.forgetter.Ready(h.store.Of(t)) },
		},
		Feed:            erp.NewFeed(h.store.ERP(), h.bell),
		Orders:          erp.NewOrders(h.store.ERP(), h.store.ERP(), h.o.Clock),
		Personal:        h.personal(),
		Renewing:        &intake.Renormaliser{Pipeline: h.pipeline, Reader: h.store.Intake()},
		Lineage:         &erp.Tracer{Reader: h.store.ERP(), Told: h.store.ERP()},
		Forget:          onDemand{h},
		Cycles:          h.store.Vault(),
		Journey:         h.connect,
		Shops:           h.connect,
		Reconciliations: h.reconcile,
		Tenancy:         h.tenancy,
		Directory:       h.tenancy.Directory,
		Ready:           h.problems,
		MaxBody:         h.cfg.MaxBody,
		PublicURL:       h.publicURL,
		Logger:          h.o.Logger,
		RequestID:       func() string { return h.ids.New(hub.RequestPrefix) },
		Clock:           h.o.Clock,
		Version:         h.o.Version,
		Events:          httpapi.Events{AsyncAPI: bus.AsyncAPI(), Schemas: bus.Schemas()},
		Metrics:         h.metrics.Handler(),
		Answered:        h.metrics.Request,
		Begun:           h.tracedRequests(),
	}
	return nil
}

// operatorKeyFile holds the first operator key, for the person who installs the hub.
const operatorKeyFile = "operator.key"

// firstKey makes an operator key when there is none and none was given.
func (h *Hub) firstKey(ctx context.Context) error {
	if h.cfg.BootstrapKey != "" || h.tenancy.Directory.HasOperatorKey() {
		return nil
	}
	_, _, err := h.tenancy.KeepKey(ctx, tenancy.NewKey{Role: tenancy.RoleOperator, Client: "operator"}, func(text string) error {
		return replaceFile(h.path(operatorKeyFile), []byte(text+"\n"))
	})
	return err
}

// OperatorKeyFile is where the first operator key is, "" when it was given or is not there any more.
func (h *Hub) OperatorKeyFile() string {
	if path := h.path(operatorKeyFile); h.cfg.BootstrapKey == "" && exists(path) {
		return path
	}
	return ""
}

// close gives back what Open took, in reverse.
func (h *Hub) close() error {
	h.closeTraces()
	var errs []error
	if h.auditLog != nil {
		errs = append(errs, h.auditLog.Close())
	}
	if h.log != nil {
		errs = append(errs, h.log.Close())
	}
	if h.broker != nil {
		h.broker.close()
	}
	if h.store != nil {
		errs = append(errs, h.store.Close(context.Background()))
	}
	if h.instance != nil {
		errs = append(errs, h.instance.release())
	}
	return errors.Join(errs...)
}
