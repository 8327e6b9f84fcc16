package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"hub"
)

// state is what a database says of itself before anything is done to it.
type state struct {
	installation string // empty: it belongs to none yet, or has no file or schema
	token        string // of a shard
}

// registry is what the control database remembers; zero for a fresh one.
type registry struct {
	installation string
	vault        bool // a vault was adopted
	shards       []registeredShard
}

type registeredShard struct {
	id    hub.ShardID
	token string
}

// survey refuses a set of databases from which one was lost, before anything is made or registered: a fresh database in
// the place of a lost one would be adopted, and the one that comes back could not be. Nothing is fresh any more once the
// control database knows it; the shards are looked at after it, so a Migrate that runs beside this one does not mislead.
func (s *Store) survey(ctx context.Context, databases []*database) (known registry, err error) {
	own, err := s.control.state(ctx)
	if err != nil {
		return known, err
	}
	if own.installation != "" {
		if err := s.control.up(ctx); err != nil {
			return known, err
		}
		if known, err = s.registry(ctx); err != nil {
			return known, err
		}
	}
	states := map[*database]state{}
	for _, d := range databases {
		if states[d], err = d.state(ctx); err != nil {
			return known, err
		}
	}
	if known.installation == "" {
		return known, s.noneLost(ctx, databases, states)
	}
	return known, known.fits(databases, states)
}

// state asks. A database without file or tables answers with the zero state.
func (d *database) state(ctx context.Context) (st state, err error) {
	if d.dialect == sqliteDialect {
		if there, err := d.holds(); err != nil || !there {
			return st, err
		}
	}
	query, into := "SELECT installation_id FROM installation WHERE one = 1", []any{&st.installation}
	switch d.role {
	case roleVault:
		query = "SELECT installation_id FROM vault_meta WHERE one = 1"
	case roleShard:
		query, into = "SELECT installation_id, token FROM shard_meta WHERE one = 1", append(into, &st.token)
	}
	err = d.read.QueryRowContext(ctx, query).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) || noTable(err) {
		return state{}, nil
	}
	return st, fail("asking database "+d.name+" whose it is", err)
}

func noTable(err error) bool {
	var my *mysql.MySQLError
	var lite *sqlite.Error
	return errors.As(err, &my) && my.Number == 1146 || errors.As(err, &lite) && lite.Code() == 1
}

// registry reads what the control database remembers.
func (s *Store) registry(ctx context.Context) (known registry, err error) {
	const op = "reading what is registered"
	err = s.control.query(ctx, op, "SELECT installation_id, vault_adopted FROM installation WHERE one = 1", nil,
		func(r *sql.Rows) error { return r.Scan(&known.installation, &known.vault) })
	if err != nil {
		return known, err
	}
	err = s.control.query(ctx, op, "SELECT shard_id, token FROM shards ORDER BY number", nil, func(r *sql.Rows) error {
		var its registeredShard
		err := r.Scan(&its.id, &its.token)
		known.shards = append(known.shards, its)
		return err
	})
	return known, err
}

// noneLost refuses a fresh control database beside others that belong to an installation already. The control database
// is asked again: a Migrate beside this one may have made it meanwhile.
func (s *Store) noneLost(ctx context.Context, databases []*database, states map[*database]state) error {
	for _, d := range databases {
		if states[d].installation == "" {
			continue
		}
		own, err := s.control.state(ctx)
		if err != nil || own.installation != "" {
			return err
		}
		return refuse(CodeWrongShards, s.control.name, "%s is new and %s belongs to an installation already: "+
			"the control database is lost; bring it back, nothing was made", s.control.place(), d.name)
	}
	return nil
}

// fits refuses databases of another installation, an empty vault in the place of the one that was adopted, and a new
// shard while a registered one is missing.
func (known registry) fits(databases []*database, states map[*database]state) error {
	var fresh []string
	lost := slices.Clone(known.shards)
	for _, d := range databases {
		st := states[d]
		if st.installation != "" && st.installation != known.installation {
			return otherInstallation(d.name)
		}
		if d.role == roleVault && st.installation == "" && known.vault {
			return refuse(CodeWrongShards, d.name, "%s is missing or empty, and this installation has had a vault: bring it back, "+
				"without it nothing that was sealed can be read; nothing was made", d.place())
		}
		if d.role != roleShard {
			continue
		}
		is := func(r registeredShard) bool { return r.token == st.token }
		if !slices.ContainsFunc(known.shards, is) {
			fresh = append(fresh, d.place())
		}
		lost = slices.DeleteFunc(lost, is)
	}
	if len(fresh) == 0 || len(lost) == 0 {
		return nil
	}
	var ids []string
	for _, l := range lost {
		ids = append(ids, string(l.id))
	}
	return refuse(CodeWrongShards, strings.Join(ids, ", "), "registered, and on none of the databases looked at, of which these are new: %s; "+
		"bring back what is lost (is its disk mounted?), or run hub migrate with all databases; nothing was made", strings.Join(fresh, ", "))
}

// place names a database for whoever has to bring it back.
func (s source) place() string {
	if s.dialect == sqliteDialect {
		return s.name + " (" + s.dsn + ")"
	}
	return s.name
}
