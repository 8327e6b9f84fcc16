package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"hub"
	"hub/sharding"
)

// Store is all databases of one hub. It is safe for concurrent use.
type Store struct {
	cfg     Config
	control *database
	vault   *database
	shards  []*database // in the order of Config.Shards, which means nothing

	slots atomic.Pointer[sharding.Map]

	mu           sync.Mutex
	byID         map[hub.ShardID]*database
	installation string        // "" while no database has told it
	registered   []hub.ShardID // nil while the control database has not been reached
}

var _ hub.Shards = (*Store)(nil)

// Open returns a store on the databases of cfg. SQLite files are made and migrated first. It refuses (hub.KindPermanent) a
// database that must not be used: settings that lose commits, a schema that is not this hub's, a set of shards that is
// not the installation's. The text says what to do.
//
// A database that cannot be reached is no error, with one exception: without the control database a slot map must come
// with cfg. It is checked when it is reached, and until then, and as long as it is refused, its methods return
// hub.KindUnavailable or hub.KindPermanent.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := assemble(cfg, forUse)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		s.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// purpose is what databases are opened for.
type purpose bool

const (
	forUse     purpose = false
	forLooking purpose = true // changes nothing
)

// assemble makes a store without touching a database.
func assemble(cfg Config, p purpose) (s *Store, err error) {
	s = &Store{cfg: cfg.withDefaults(), byID: map[hub.ShardID]*database{}}
	s.slots.Store(&cfg.Map)
	if len(cfg.Shards) == 0 {
		return nil, refuse(CodeWrongShards, "shards", "none is configured")
	}
	openOne := func(r role, name, text string, admit func(context.Context, *database) error) (d *database) {
		src, e := parse(r, name, text)
		src.purpose = p
		if e == nil {
			d, e = openDatabase(src, s.cfg, admit)
		}
		if e != nil && err == nil {
			err = e
		}
		return d
	}
	s.control = openOne(roleControl, "control", cfg.Control, s.admitControl)
	s.vault = openOne(roleVault, "vault", cfg.Vault, s.admitVault)
	for i, text := range cfg.Shards {
		s.shards = append(s.shards, openOne(roleShard, shardName(text, i), text, s.admitShard))
	}
	if err != nil {
		s.Close(context.Background())
		return nil, err
	}
	return s, nil
}

// shardName names the nth database of the settings: SQLite files are numbered from 0, as they are called.
func shardName(text string, n int) string {
	if strings.HasPrefix(text, sqliteDialect.prefix+":") {
		return fmt.Sprintf("shard %d", n)
	}
	return fmt.Sprintf("shard DSN %d", n+1)
}

// all returns the databases, control first.
func (s *Store) all() []*database { return append([]*database{s.control, s.vault}, s.shards...) }

// start reaches what can be reached.
func (s *Store) start(ctx context.Context) error {
	var embedded []*database
	for _, d := range s.all() {
		if d.dialect == sqliteDialect {
			embedded = append(embedded, d)
		}
	}
	if s.control.dialect == sqliteDialect {
		if err := s.firstStart(ctx, len(embedded) < len(s.all())); err != nil {
			return err
		}
		if err := s.migrate(ctx, embedded); err != nil {
			return err
		}
	}
	if err := s.control.ready(ctx); err != nil && (refused(err) || s.slots.Load().Version() == 0) {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, d := range s.all() {
		group.Go(func() error {
			err := d.ready(groupCtx)
			switch {
			case err != nil && refused(err):
				return err
			case err != nil:
				s.cfg.Log.Warn("database not reached, will try again when it is needed", "database", d.name, "error", err.Error())
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.complete()
}

// firstStart refuses to make a control file when other databases are on servers: only Migrate asks those whether they
// belong to an installation already.
func (s *Store) firstStart(ctx context.Context, servers bool) error {
	if !servers {
		return nil
	}
	own, err := s.control.state(ctx)
	if err == nil && own.installation == "" {
		err = refuse(CodeSchema, s.control.name, "%s does not exist yet, or is lost; bring it back, or for a new installation "+
			"start the databases and run hub migrate", s.control.place())
	}
	return err
}

// complete refuses a set of databases in which a registered shard is certainly missing.
func (s *Store) complete() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := len(s.shards) - len(s.byID)
	for _, id := range s.registered {
		if s.byID[id] == nil {
			pending--
		}
		if pending < 0 {
			return refuse(CodeWrongShards, string(id), "the shard is registered and its database is not configured; configure it too")
		}
	}
	return nil
}

// find returns the database of a shard, reaching for those that have not told their name yet.
func (s *Store) find(ctx context.Context, id hub.ShardID) (*database, error) {
	if d := s.known(id); d != nil {
		return d, nil
	}
	var group errgroup.Group
	var mu sync.Mutex
	var first error
	for _, d := range s.shards {
		group.Go(func() error {
			if err := d.ready(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil || refused(err) {
					first = err
				}
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in first
	if d := s.known(id); d != nil {
		return d, nil
	}
	if first == nil {
		first = refuse(CodeWrongShards, string(id), "no configured database holds this shard")
	}
	return nil, &hub.Error{Kind: hub.KindOf(first), Code: hub.CodeOf(first), Op: "reaching shard", Subject: string(id), Err: first}
}

// known returns the database of a shard that has been reached.
func (s *Store) known(id hub.ShardID) *database {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// of returns the database of a tenant's shard.
func (s *Store) of(ctx context.Context, tenant hub.TenantID) (*database, error) {
	return s.find(ctx, s.Of(tenant))
}

// Of implements hub.Shards. It answers from memory.
func (s *Store) Of(tenant hub.TenantID) hub.ShardID { return s.slots.Load().Of(tenant) }

// Map returns the slot map in force, for the hub to keep for the time when databases are down.
func (s *Store) Map() sharding.Map { return *s.slots.Load() }

// Close waits for transactions in SQLite files to end, up to the end of ctx, empties the logs of those files, and closes
// all connections. A store that is closed is not used again.
func (s *Store) Close(ctx context.Context) error {
	var first error
	for _, d := range s.all() {
		if d == nil {
			continue
		}
		if err := d.close(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Health is how one database is.
type Health struct {
	Name  string // "control", "vault", "shard 0" (a SQLite file), "shard DSN 1"; never the DSN
	Shard hub.ShardID
	Err   error // nil when it answers and is the right one
}

// Health asks every database, at the same time.
func (s *Store) Health(ctx context.Context) []Health {
	all := s.all()
	answers := make([]Health, len(all))
	var group errgroup.Group
	for i, d := range all {
		group.Go(func() error {
			answers[i] = Health{Name: d.name, Err: d.ready(ctx)}
			if answers[i].Err == nil {
				answers[i].Shard = d.shard
				answers[i].Err = fail("asking database "+d.name, d.read.PingContext(ctx))
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in the answers
	return answers
}
