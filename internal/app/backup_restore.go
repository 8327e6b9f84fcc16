package app

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hub"
	"hub/internal/audit"
	"hub/internal/config"
	"hub/internal/store"
)

// RestoreOptions say what is put back.
type RestoreOptions struct {
	From      string // folder of a data backup; "" leaves shards and control database as they are
	VaultFrom string // folder of a vault backup; "" keeps the vault that is there
	Clock     hub.Clock
	Observe   func(step string) error // asked before each change of the data folder, nil when nobody watches; an error stops there
}

// Restored is what was put back.
type Restored struct {
	Restored []string         `json:"restored"`        // files
	Aside    []string         `json:"aside"`           // folders with the files that were there before
	Feeds    []store.FeedHead `json:"feeds,omitempty"` // where each feed ends now
	// Revived are the API keys that were revoked in the control database which was there, and are good again.
	Revived []hub.KeyID `json:"revived_keys,omitempty"`
}

// Codes of refusals of Restore.
const (
	// CodeOlderVault: the present vault knows of erasures, or holds keys, that the copy does not.
	CodeOlderVault hub.Code = "older_vault"
	// CodeNoVault: there is no vault to keep.
	CodeNoVault hub.Code = "no_vault"
)

// Restore puts copies in the place of the files of a stopped hub; a running one is hub.KindConflict. Every file is
// checked before anything changes. What was there is moved aside, not deleted. The vault that is there stays: what was
// erased since the backup stays erased, because the next start has the shards catch up with the vault's ledger.
//
// A restore that was interrupted leaves a folder on which no hub starts, because databases are missing; the same command
// again completes it. What the log holds undrained is kept and drained into the restored shards.
func Restore(ctx context.Context, cfg config.Config, o RestoreOptions) (done Restored, err error) {
	files, err := store.Files(storeConfig(cfg))
	if err != nil {
		return done, err
	}
	if o.From == "" && o.VaultFrom == "" {
		return done, &hub.Error{Kind: hub.KindInvalid, Op: "restoring", Err: errors.New("name the folder of a backup")}
	}
	r := &restore{cfg: cfg, o: o, files: files}
	if err := r.load(); err != nil {
		return done, err
	}
	fresh := !exists(filepath.Join(cfg.Data, "wal")) && !exists(filepath.Join(cfg.Data, "intake")) // no hub has served here
	held, err := holdFolder(cfg.Data, NewIDs())
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	if fresh && hub.ValidID(instancePrefix, r.data.Instance) {
		r.instance = r.data.Instance
	}
	if err := r.check(ctx); err != nil {
		return done, err
	}
	err = r.stage()
	if err == nil {
		err = r.revive(ctx)
	}
	if err != nil {
		return done, errors.Join(err, r.unstage())
	}
	if err := r.swap(); err != nil {
		return done, err
	}
	return r.done, nil
}

// restore is one under way.
type restore struct {
	cfg   config.Config
	o     RestoreOptions
	files []store.File // of the hub

	data, vault Manifest           // zero when not restored
	instance    string             // to take over, "" to keep
	puts        []put              // in the order in which they are put in place
	keys        map[hub.KeyID]bool // of the control database that is there: whether they were revoked
	done        Restored
}

// put is one file on its way.
type put struct {
	from   string
	copied CopiedFile
	to     string
	vault  bool
}

// staged is where the copy waits, in the folder of its target, so that putting it in place is a rename.
func (p put) staged() string { return p.to + ".restoring" }

// load reads the manifests and lists the files: the vault's first, the control database's last. Until that is back no hub
// starts here.
func (r *restore) load() (err error) {
	const op = "reading backup"
	if r.o.From != "" {
		if r.data, err = loadManifest(r.o.From, kindData); err != nil {
			return err
		}
		r.done.Feeds = r.data.Feeds
	}
	if r.o.VaultFrom != "" {
		if r.vault, err = loadManifest(r.o.VaultFrom, kindVault); err != nil {
			return err
		}
	}
	if r.o.From != "" && r.o.VaultFrom != "" && r.data.Installation != r.vault.Installation {
		return hub.Errorf(hub.KindPermanent, op, "the two folders are of different installations")
	}
	wanted := map[string]bool{}
	for _, f := range r.files {
		m, folder, name := r.data, r.o.From, "shards/"+f.Name
		if f.IsVault() {
			m, folder, name = r.vault, r.o.VaultFrom, f.Name
		}
		wanted[name] = true
		if folder == "" {
			continue
		}
		copied, ok := m.file(name)
		if !ok {
			return hub.Errorf(hub.KindPermanent, op, "it has no %s; HUB_SQLITE_SHARDS must be what it was", name)
		}
		p := put{from: filepath.Join(folder, filepath.FromSlash(name)), copied: copied, to: f.Path, vault: f.IsVault()}
		if p.vault {
			r.puts = slices.Insert(r.puts, 0, p)
			continue
		}
		r.puts = append(r.puts, p)
	}
	for _, f := range r.data.Files {
		if strings.HasPrefix(f.Name, "shards/") && !wanted[f.Name] {
			return hub.Errorf(hub.KindPermanent, op, "it has %s and the settings have fewer shards; set HUB_SQLITE_SHARDS to what it was", f.Name)
		}
	}
	return nil
}

// check holds the backup against what is there.
func (r *restore) check(ctx context.Context) error {
	installation := cmp.Or(r.data.Installation, r.vault.Installation)
	vaultThere := false
	for _, f := range r.files {
		st, err := f.State(ctx)
		missing := hub.KindOf(err) == hub.KindNotFound
		switch {
		case f.IsVault():
			if vaultThere = !missing; missing {
				continue
			}
			if err != nil { // which of the two is older cannot be told
				return errors.Join(err, hub.Errorf(hub.KindPermanent, "checking the vault",
					"%s cannot be read: mend it, or move it away and restore a copy with --vault-from", f.Path))
			}
			if err := r.checkVault(st.Vault); err != nil {
				return err
			}
		case err != nil: // missing or damaged, which is what a restore is for
			continue
		}
		if f.IsControl() {
			r.keys = st.Keys
		}
		if st.Installation != "" && st.Installation != installation {
			return hub.Errorf(hub.KindConflict, "checking data folder", "%s belongs to another installation than the backup", f.Path)
		}
	}
	if !vaultThere && r.o.VaultFrom == "" {
		return &hub.Error{Kind: hub.KindConflict, Code: CodeNoVault, Op: "checking the vault", Subject: r.cfg.Data,
			Err: errors.New("it has no vault: restore the newest copy of it, too, with --vault-from")}
	}
	return r.checkRoot()
}

// checkVault refuses to go back.
func (r *restore) checkVault(present store.VaultAge) error {
	if r.o.VaultFrom == "" || !r.vault.Vault.OlderThan(present) {
		return nil
	}
	return &hub.Error{Kind: hub.KindConflict, Code: CodeOlderVault, Op: "checking the vault", Subject: r.o.VaultFrom,
		Err: errors.New("it is older than the vault that is there: what was erased since would come back, and who came since would " +
			"be lost; leave --vault-from out and the present one stays")}
}

// checkRoot looks for the root that opens a restored vault. Only names are read.
func (r *restore) checkRoot() error {
	if r.o.VaultFrom == "" || r.vault.Vault.Generation == 0 {
		return nil
	}
	forget := filepath.Join(r.cfg.Keys, "forget")
	if exists(filepath.Join(forget, "root."+strconv.Itoa(r.vault.Vault.Generation))) {
		return nil
	}
	return hub.Errorf(hub.KindConflict, "checking the vault", "it was sealed under root %d, which is not in %s: "+
		"a forget cycle destroyed it, or HUB_KEYS names another folder; nothing in this copy can be opened", r.vault.Vault.Generation, forget)
}

// stage copies everything beside its place and compares the hashes. A hub that starts afterwards sees nothing of it.
func (r *restore) stage() error {
	const op = "copying from backup"
	for _, p := range r.puts {
		if err := os.MkdirAll(filepath.Dir(p.to), 0o700); err != nil {
			return hub.Errorf(hub.KindUnavailable, op, "%w", err)
		}
		if err := os.Remove(p.staged()); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an interrupted restore
			return hub.Errorf(hub.KindUnavailable, op, "%w", err)
		}
		sum, size, err := copySynced(p.from, p.staged())
		if err != nil {
			return hub.Errorf(hub.KindUnavailable, op, "%w", err)
		}
		if sum != p.copied.SHA256 || size != p.copied.Bytes {
			return damagedBackup(p.from)
		}
	}
	for _, f := range r.data.Files {
		if !strings.HasPrefix(f.Name, keepFolder+"/") {
			continue
		}
		path := filepath.Join(r.o.From, filepath.FromSlash(f.Name))
		if sum, _, err := hashFile(path); err != nil || sum != f.SHA256 {
			return damagedBackup(path)
		}
	}
	return nil
}

// revive lists the keys that were revoked since the control database was copied.
func (r *restore) revive(ctx context.Context) error {
	for _, f := range r.files {
		at := slices.IndexFunc(r.puts, func(p put) bool { return p.to == f.Path })
		if !f.IsControl() || at < 0 || len(r.keys) == 0 {
			continue
		}
		st, err := f.At(r.puts[at].staged()).State(ctx)
		if err != nil {
			return err
		}
		for id, revoked := range st.Keys {
			if !revoked && r.keys[id] {
				r.done.Revived = append(r.done.Revived, id)
			}
		}
		slices.Sort(r.done.Revived)
	}
	return nil
}

func damagedBackup(path string) error {
	return hub.Errorf(hub.KindPermanent, "copying from backup", "%s is not what was copied: the backup is damaged", path)
}

func (r *restore) unstage() error {
	var errs []error
	for _, p := range r.puts {
		if err := os.Remove(p.staged()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// change is one step of the data folder.
type change struct {
	name string
	do   func() error
}

// swap moves the old files aside and the new ones in. At every point in between no hub starts, because the vault is
// missing and the control database remembers one, or because the control database is missing and the vault is there; or
// everything is old but the vault, which is where restoring the vault alone ends. Logs of old databases go before new
// files come.
func (r *restore) swap() error {
	const op = "replacing databases"
	var steps []change
	vault := slices.DeleteFunc(slices.Clone(r.puts), func(p put) bool { return !p.vault })
	data := slices.DeleteFunc(slices.Clone(r.puts), func(p put) bool { return p.vault })
	steps = append(steps, change{"instance", r.takeOver})
	steps = append(steps, r.away(vault)...)
	steps = append(steps, r.in(vault)...)
	slices.Reverse(data) // the control database goes first …
	away := r.away(data)
	slices.Reverse(data) // … and comes last
	steps = append(steps, away...)
	if r.o.From != "" {
		steps = append(steps, change{"keep", r.keep}, change{"audit cursor", r.rewindAudit})
	}
	steps = append(steps, r.in(data)...)
	for _, s := range steps {
		if r.o.Observe != nil {
			if err := r.o.Observe(s.name); err != nil {
				return err
			}
		}
		if err := s.do(); err != nil {
			return hub.Errorf(hub.KindUnavailable, op, "%s: %w; run the same command again to complete it", s.name, err)
		}
	}
	return nil
}

// away moves what is there, database and logs, into a folder beside it.
func (r *restore) away(puts []put) (steps []change) {
	for _, p := range puts {
		for _, end := range []string{"", "-wal", "-shm", "-journal"} {
			if _, err := os.Lstat(p.to + end); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			steps = append(steps, change{"aside " + filepath.Base(p.to) + end, func() error { return r.aside(p.to + end) }})
		}
	}
	return steps
}

func (r *restore) in(puts []put) (steps []change) {
	for _, p := range puts {
		steps = append(steps, change{"in " + filepath.Base(p.to), func() error {
			if err := os.Rename(p.staged(), p.to); err != nil {
				return err
			}
			r.done.Restored = append(r.done.Restored, p.to)
			return syncNames(filepath.Dir(p.to))
		}})
	}
	return steps
}

// aside moves a file into the folder replaced-TIME beside it.
func (r *restore) aside(path string) error {
	folder := filepath.Join(filepath.Dir(path), "replaced-"+r.o.Clock().UTC().Format("20060102T150405.000000Z"))
	if !slices.Contains(r.done.Aside, folder) {
		if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		r.done.Aside = append(r.done.Aside, folder)
	}
	if err := os.Rename(path, filepath.Join(folder, filepath.Base(path))); err != nil {
		return err
	}
	return errors.Join(syncNames(folder), syncNames(filepath.Dir(path)))
}

// keep brings back keys that are missing and replaces none: those that are there may be newer.
func (r *restore) keep() error {
	to := filepath.Join(r.cfg.Keys, keepFolder)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, f := range r.data.Files {
		name, ok := strings.CutPrefix(f.Name, keepFolder+"/")
		if !ok || exists(filepath.Join(to, name)) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(r.o.From, keepFolder, name))
		if err != nil {
			return err
		}
		if err := replaceFile(filepath.Join(to, name), b); err != nil {
			return err
		}
	}
	return syncNames(to)
}

// rewindAudit has the drainer look at its whole log again: rows that are in it come back with the old databases.
func (r *restore) rewindAudit() error {
	cursor := filepath.Join(r.cfg.Data, auditFolder, audit.CursorName+".cursor")
	if err := os.Remove(cursor); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return syncNames(filepath.Dir(cursor))
}

// takeOver gives a new data folder the id of the hub whose databases it has now: rows and reports of that hub are in them.
func (r *restore) takeOver() error {
	if r.instance == "" {
		return nil
	}
	return replaceFile(filepath.Join(r.cfg.Data, "instance"), []byte(r.instance+"\n"))
}
