package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hub"
)

// CodeOnServers: the databases are not files, so copying files is not the way.
const CodeOnServers hub.Code = "databases_on_servers"

// File is the file of one SQLite database.
type File struct {
	Name string // of its copy: shard-0.db, control.db, vault.db
	Path string
	role role
}

// IsVault reports whether it is the vault, whose copies are kept apart and not for long.
func (f File) IsVault() bool { return f.role == roleVault }

// IsControl reports whether it is the control database.
func (f File) IsControl() bool { return f.role == roleControl }

// Files returns the files of cfg in the order in which they are copied: shards, control, vault. What a shard refers to is
// made earlier in the control database and in the vault, so it is in their later copies. It is CodeOnServers when a
// database is not a file.
func Files(cfg Config) ([]File, error) {
	var files []File
	for i, text := range cfg.Shards {
		files = append(files, File{Name: fmt.Sprintf("shard-%d.db", i), Path: text, role: roleShard})
	}
	files = append(files, File{Name: "control.db", Path: cfg.Control, role: roleControl},
		File{Name: "vault.db", Path: cfg.Vault, role: roleVault})
	for i, f := range files {
		s, err := parse(f.role, f.Name, f.Path)
		if err != nil {
			return nil, err
		}
		if s.dialect != sqliteDialect {
			return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeOnServers, Op: "listing database files",
				Err: words("some databases are on servers")}
		}
		files[i].Path = s.dsn
	}
	return files, nil
}

// At returns the same database in another place.
func (f File) At(path string) File {
	f.Path = path
	return f
}

// Copy writes a consistent copy to a new file, for its owner alone, durable with its name when Copy returns. A hub may
// serve from the file meanwhile: to SQLite this is one more reader. Deleted rows are not in the copy, which holds live
// pages only. A file that is missing or empty is KindNotFound.
func (f File) Copy(ctx context.Context, to string) (err error) {
	op := "copying " + f.Name
	if err := f.there(op); err != nil {
		return err
	}
	// SQLite fills an empty file, but would make one that everybody may read.
	target, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fileError(op, err)
	}
	defer func() { err = cmp.Or(err, fileError(op, target.Close())) }()
	// Not immutable, even without a log: a hub may start meanwhile. And not query_only, which refuses VACUUM.
	asIs := func(context.Context, driver.Conn, string) error { return nil }
	db, err := sqlitePool(f.source(), 1, "mode=ro", asIs, []string{"busy_timeout(5000)"})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fail(op, err)
	}
	return fileError(op, errors.Join(target.Sync(), syncFolder(filepath.Dir(to))))
}

func (f File) source() source {
	return source{role: f.role, name: f.Name, dialect: sqliteDialect, dsn: f.Path, purpose: forLooking}
}

func (f File) there(op string) error {
	there, err := f.source().holds()
	if err == nil && !there {
		err = hub.Errorf(hub.KindNotFound, op, "%s is missing or empty", f.Path)
	}
	return err
}
