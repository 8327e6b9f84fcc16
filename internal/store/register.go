package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"

	"golang.org/x/sync/errgroup"

	"hub"
	"hub/sharding"
)

// Migrate brings every database of cfg to the schema of this hub and makes them one installation: it gives the
// installation its id, registers shards that are new (the next free of s0, s1, …; a new shard owns no slot until
// somebody moves slots to it) and writes the slot map if there is none. It may be stopped at any time and run again, and
// several may run at once.
//
// It refuses (hub.KindPermanent), before it makes or registers anything, a set from which a database was lost: a new
// control database beside old others, an empty vault where there was one, a new shard while a registered one is missing.
func Migrate(ctx context.Context, cfg Config) error {
	s, err := assemble(cfg, forUse)
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	return s.migrate(ctx, s.all())
}

// migrate does it for some databases, of which the first is the control database.
func (s *Store) migrate(ctx context.Context, databases []*database) error {
	known, err := s.survey(ctx, databases)
	if err != nil {
		return err
	}
	var up errgroup.Group // one by one takes a server, which syncs each change of a table, as long as all of them
	for _, d := range databases {
		up.Go(func() error { return d.up(ctx) })
	}
	if err := up.Wait(); err != nil {
		return err
	}
	installation, err := s.establish(ctx)
	if err != nil {
		return err
	}
	for _, d := range databases {
		switch d.role {
		case roleVault:
			err = s.adoptVault(ctx, d, installation, known.vault)
		case roleShard:
			err = s.adoptShard(ctx, d, installation)
		}
		if err != nil {
			return err
		}
	}
	return s.firstMap(ctx)
}

// establish returns the id of the installation and makes one for a fresh control database.
func (s *Store) establish(ctx context.Context) (id string, err error) {
	const op = "establishing the installation"
	err = s.do(ctx, s.control, func(ctx context.Context, t *tx) error {
		id = ""
		err := t.query(ctx, op, "SELECT installation_id FROM installation", nil, func(r *sql.Rows) error { return r.Scan(&id) })
		if err != nil || id != "" {
			return err
		}
		id = s.cfg.IDs.New("ins_")
		_, err = t.exec(ctx, op, "INSERT INTO installation (one, installation_id, directory_version) VALUES (1, ?, 1)", id)
		return err
	})
	return id, err
}

// adoptVault makes a fresh vault one of the installation, and then has the control database remember that there is one.
// In between nothing can have been sealed: a hub starts only after both.
func (s *Store) adoptVault(ctx context.Context, d *database, installation string, remembered bool) error {
	const op = "adopting the vault"
	err := s.do(ctx, d, func(ctx context.Context, t *tx) error {
		var theirs string
		err := t.query(ctx, op, "SELECT installation_id FROM vault_meta", nil, func(r *sql.Rows) error { return r.Scan(&theirs) })
		switch {
		case err != nil:
			return err
		case theirs == "":
			_, err = t.exec(ctx, op, "INSERT INTO vault_meta (one, installation_id, passed) VALUES (1, ?, 0)", installation)
			return err
		case theirs != installation:
			return otherInstallation(d.name)
		}
		return nil
	})
	if err != nil || remembered {
		return err
	}
	return s.do(ctx, s.control, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, op, "UPDATE installation SET vault_adopted = 1 WHERE one = 1")
		return err
	})
}

// adoptShard makes a fresh shard one of the installation, in three steps that each may have been the last: the shard gets
// a token, the control database a name for the token, the shard its name.
func (s *Store) adoptShard(ctx context.Context, d *database, installation string) error {
	const op = "registering a shard"
	var meta shardMeta
	err := s.do(ctx, d, func(ctx context.Context, t *tx) (err error) {
		meta = shardMeta{}
		if err = t.query(ctx, op, selectMeta, nil, meta.scan); err != nil || meta.token != "" {
			return err
		}
		meta = shardMeta{token: s.cfg.IDs.New("tok_"), installation: installation, epoch: 1}
		_, err = t.exec(ctx, op, "INSERT INTO shard_meta (one, shard_id, token, installation_id, epoch) VALUES (1, '', ?, ?, 1)",
			meta.token, installation)
		return err
	})
	if err != nil {
		return err
	}
	if meta.installation != installation {
		return otherInstallation(d.name)
	}
	id, err := s.nameShard(ctx, meta.token)
	if err != nil || id == meta.id {
		return err
	}
	return s.do(ctx, d, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, op, "UPDATE shard_meta SET shard_id = ? WHERE one = 1 AND token = ?", string(id), meta.token)
		return err
	})
}

// nameShard returns the name that the control database has for a token, the next free one if it has none.
func (s *Store) nameShard(ctx context.Context, token string) (id hub.ShardID, err error) {
	const op = "naming a shard"
	err = s.do(ctx, s.control, func(ctx context.Context, t *tx) error {
		id = ""
		next := 0
		err := t.query(ctx, op, "SELECT number, shard_id, token FROM shards ORDER BY number", nil, func(r *sql.Rows) error {
			var number int
			var name hub.ShardID
			var its string
			err := r.Scan(&number, &name, &its)
			next = number + 1
			if its == token {
				id = name
			}
			return err
		})
		if err != nil || id != "" {
			return err
		}
		id = hub.ShardID("s" + strconv.Itoa(next))
		_, err = t.exec(ctx, op, "INSERT INTO shards (number, shard_id, token) VALUES (?, ?, ?)", next, string(id), token)
		return err
	})
	return id, err
}

// firstMap spreads the slots over the registered shards when nobody has done so yet.
func (s *Store) firstMap(ctx context.Context) error {
	const op = "writing the first slot map"
	return s.do(ctx, s.control, func(ctx context.Context, t *tx) error {
		m, shards, err := readMap(ctx, t)
		if err != nil || m.Version() > 0 {
			return err
		}
		if len(shards) == 0 {
			return t.poison(refuse(CodeSchema, "shards", "none is registered yet; start the shard databases and run hub migrate"))
		}
		if m, err = sharding.New(shards); err != nil {
			return t.poison(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			return t.poison(fail(op, err))
		}
		_, err = t.exec(ctx, op, "INSERT INTO slot_map (version, map, created_at) VALUES (?, ?, ?)", m.Version(), b, micros(t.now))
		return err
	})
}

// asker is a transaction, or a database outside of one.
type asker interface {
	query(ctx context.Context, op, query string, args []any, scan func(*sql.Rows) error) error
}

// readMap reads the slot map in force, of version 0 if there is none, and the registered shards.
func readMap(ctx context.Context, t asker) (m sharding.Map, shards []hub.ShardID, err error) {
	const op = "reading the slot map"
	err = t.query(ctx, op, "SELECT map FROM slot_map ORDER BY version DESC LIMIT 1", nil, func(r *sql.Rows) error {
		var b []byte
		if err := r.Scan(&b); err != nil {
			return err
		}
		m, err = sharding.Parse(b)
		return err
	})
	if err != nil {
		return m, nil, err
	}
	err = t.query(ctx, op, "SELECT shard_id FROM shards ORDER BY number", nil, func(r *sql.Rows) error {
		var id hub.ShardID
		err := r.Scan(&id)
		shards = append(shards, id)
		return err
	})
	return m, shards, err
}

// shardMeta is what a shard says of itself.
type shardMeta struct {
	id           hub.ShardID
	token        string
	installation string
	epoch        int64
}

const selectMeta = "SELECT shard_id, token, installation_id, epoch FROM shard_meta WHERE one = 1"

func (m *shardMeta) scan(r *sql.Rows) error {
	return r.Scan(&m.id, &m.token, &m.installation, &m.epoch)
}

func otherInstallation(name string) error {
	return refuse(CodeWrongShards, name, "it belongs to another installation; check the settings")
}
