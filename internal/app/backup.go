package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/config"
	"hub/internal/store"
)

// VaultBackupLife is how long a copy of the vault may be kept: as long as it exists, keys that died after it was made are
// dead only because the root that seals it is gone.
const VaultBackupLife = 24 * time.Hour

// CodeOnServers: the databases are on servers, whose own tools copy them.
const CodeOnServers = store.CodeOnServers

// BackupOptions say where copies go. A folder that exists must be empty.
type BackupOptions struct {
	To      string // of shards, control database and keep/; "" copies the vault alone
	VaultTo string // of the vault; the folder vault in To when ""
	Version string // of this program, for the manifest
	Clock   hub.Clock
}

// Backed is what a backup holds.
type Backed struct {
	Folder      string     `json:"folder,omitempty"`
	VaultFolder string     `json:"vault_folder"`
	Manifests   []Manifest `json:"manifests"`
}

// Backup copies the files of an embedded hub, beside it while it serves or while none does. Each copy is one state of its
// database; the vault's is the newest, so it opens what the shards' hold. A folder is complete when its manifest is there,
// which is written last. The folder forget is in no backup, neither is what this hub has accepted and not drained yet, nor
// the key that opens it. Databases on servers are hub.KindInvalid with CodeOnServers. A vault whose keyring does not open is copied like
// any other, and then named by the error.
func Backup(ctx context.Context, cfg config.Config, o BackupOptions) (b Backed, err error) {
	files, err := store.Files(storeConfig(cfg))
	if err != nil {
		return b, err
	}
	if b, err = targets(o); err != nil {
		return b, err
	}
	instance, release, err := beside(cfg.Data)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, release()) }()
	stamp := Manifest{Format: manifestFormat, CreatedAt: o.Clock(), Version: o.Version, Instance: instance}
	var made []string
	defer func() {
		if err != nil {
			err = errors.Join(err, abandon(made))
		}
	}()
	var sets []*set
	if b.Folder != "" {
		sets = append(sets, &set{folder: b.Folder, manifest: stamp.of(kindData)})
	}
	sets = append(sets, &set{folder: b.VaultFolder, manifest: stamp.of(kindVault)})
	for _, s := range sets {
		if err := makeEmpty(s.folder); err != nil {
			return b, err
		}
		made = append(made, s.folder)
	}
	for _, s := range sets {
		if err := s.copy(ctx, cfg, files); err != nil {
			return b, err
		}
	}
	for i := range sets { // the vault's first: with the other one, the whole is complete
		s := sets[len(sets)-1-i]
		if err := s.manifest.save(s.folder); err != nil {
			return b, err
		}
		b.Manifests = append(b.Manifests, s.manifest)
	}
	made = nil // complete, whatever is found in it
	return b, checkCopy(ctx, cfg, b.VaultFolder, files)
}

// checkCopy says that the keyring in a copy of the vault does not open, so that nobody deletes older copies for it.
func checkCopy(ctx context.Context, cfg config.Config, folder string, files []store.File) error {
	roots, err := openRoots(cfg, SystemClock).Load(ctx)
	if hub.KindOf(err) == hub.KindNotFound {
		return nil // they are elsewhere, and nobody can look
	}
	for _, f := range files {
		if err != nil || !f.IsVault() {
			continue
		}
		var rings []gdpr.SealedKeyring
		if rings, err = f.At(filepath.Join(folder, f.Name)).Keyrings(ctx); err == nil {
			err = gdpr.CheckKeyring(roots, rings)
		}
	}
	if err != nil {
		return hub.Errorf(hub.KindOf(err), "looking into the copy of the vault, which is complete: keep the older ones", "%w", err)
	}
	return nil
}

// targets decides where copies go.
func targets(o BackupOptions) (b Backed, err error) {
	wrong := func(text string) error {
		return &hub.Error{Kind: hub.KindInvalid, Op: "choosing folders", Err: errors.New(text)}
	}
	if o.To == "" && o.VaultTo == "" {
		return b, wrong("name a folder for the copies")
	}
	b.Folder, b.VaultFolder = o.To, o.VaultTo
	if b.VaultFolder == "" {
		b.VaultFolder = filepath.Join(o.To, "vault")
	}
	if filepath.Clean(b.Folder) == filepath.Clean(b.VaultFolder) {
		return b, wrong("the vault needs a folder of its own: its copies are kept less long")
	}
	return b, nil
}

// beside returns the instance id of a data folder. When no hub runs on it, none can start until release.
func beside(data string) (id string, release func() error, err error) {
	if !exists(filepath.Join(data, "instance")) {
		return "", nil, &hub.Error{Kind: hub.KindNotFound, Op: "opening data folder", Subject: data, Err: errors.New("no hub has used it")}
	}
	held, err := holdFolder(data, NewIDs())
	switch {
	case err == nil:
		return held.id, held.release, nil
	case hub.KindOf(err) != hub.KindConflict:
		return "", nil, err
	}
	id, err = instanceID(filepath.Join(data, "instance"), NewIDs())
	return id, func() error { return nil }, err
}

// makeEmpty makes a folder for its owner alone and refuses one that holds something.
func makeEmpty(folder string) error {
	const op = "making backup folder"
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	if len(entries) > 0 {
		return &hub.Error{Kind: hub.KindConflict, Op: op, Subject: folder, Err: errors.New("it is not empty")}
	}
	if err := syncNames(filepath.Dir(filepath.Clean(folder))); err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	return nil
}

// abandon empties folders that were made or found empty, so that the next attempt may use them. Without a manifest nothing
// in them counts.
func abandon(folders []string) error {
	var errs []error
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		errs = append(errs, err)
		for _, e := range entries {
			errs = append(errs, os.RemoveAll(filepath.Join(folder, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// set is one folder of copies.
type set struct {
	folder   string
	manifest Manifest
}

// copy fills the folder.
func (s *set) copy(ctx context.Context, cfg config.Config, files []store.File) error {
	below := ""
	if s.manifest.Kind == kindData {
		below = "shards"
		if err := os.Mkdir(filepath.Join(s.folder, below), 0o700); err != nil {
			return hub.Errorf(hub.KindUnavailable, "making backup folder", "%w", err)
		}
	}
	for _, f := range files {
		if f.IsVault() != (s.manifest.Kind == kindVault) {
			continue
		}
		name := filepath.Join(below, f.Name)
		target := filepath.Join(s.folder, name)
		if err := f.Copy(ctx, target); err != nil {
			return err
		}
		if err := s.manifest.add(ctx, f.At(target), name); err != nil {
			return err
		}
	}
	if s.manifest.Kind == kindData {
		return s.copyKeep(filepath.Join(cfg.Keys, keepFolder))
	}
	return nil
}

// keepFolder holds the keys that are never erased. A running hub only adds files to it, each whole.
const keepFolder = "keep"

// auditFolder holds the log of package audit.
const auditFolder = "audit"

func (s *set) copyKeep(from string) error {
	const op = "copying keep"
	to := filepath.Join(s.folder, keepFolder)
	if err := os.Mkdir(to, 0o700); err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		sum, size, err := copySynced(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		if err != nil {
			return hub.Errorf(hub.KindUnavailable, op, "%w", err)
		}
		s.manifest.Files = append(s.manifest.Files, CopiedFile{Name: keepFolder + "/" + e.Name(), Bytes: size, SHA256: sum})
	}
	if err := errors.Join(syncNames(to), syncNames(s.folder)); err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	return nil
}
