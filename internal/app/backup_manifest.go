package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hub"
	"hub/internal/store"
)

// manifestName is the file that makes a folder a backup.
const manifestName = "manifest.json"

const manifestFormat = 1

// The kinds of backups.
const (
	kindData  = "data"  // shards, control database, keep/
	kindVault = "vault" // the vault, which has a rule of its own
)

// Manifest says what a folder of copies holds. Nothing in it is personal or secret.
type Manifest struct {
	Format       int              `json:"format"`
	Kind         string           `json:"kind"` // data or vault
	Installation string           `json:"installation"`
	Instance     string           `json:"instance"` // of the hub whose files were copied
	CreatedAt    time.Time        `json:"created_at"`
	KeepUntil    *time.Time       `json:"keep_until,omitempty"` // of a vault: when it is to be deleted at the latest
	Version      string           `json:"version"`              // of the program
	Files        []CopiedFile     `json:"files"`
	Feeds        []store.FeedHead `json:"feeds,omitempty"` // last change of each feed
	Vault        *store.VaultAge  `json:"vault,omitempty"` // how old a vault is
	Sum          string           `json:"sum"`             // SHA-256 of this object in compact form with an empty sum, in hexadecimal
}

// CopiedFile is one file of a backup.
type CopiedFile struct {
	Name   string      `json:"name"` // from the manifest's folder, with slashes
	Bytes  int64       `json:"bytes"`
	SHA256 string      `json:"sha256"` // in hexadecimal
	Shard  hub.ShardID `json:"shard,omitempty"`
	Schema int64       `json:"schema,omitempty"` // version of a database
}

func (m Manifest) of(kind string) Manifest {
	m.Kind = kind
	if kind == kindVault {
		until := m.CreatedAt.Add(VaultBackupLife)
		m.KeepUntil = &until
	}
	return m
}

// add notes a copied database.
func (m *Manifest) add(ctx context.Context, f store.File, name string) error {
	const op = "describing backup"
	state, err := f.State(ctx)
	if err != nil {
		return err
	}
	if m.Installation == "" {
		m.Installation = state.Installation
	}
	if m.Installation != state.Installation || state.Installation == "" {
		return hub.Errorf(hub.KindPermanent, op, "%s belongs to another installation than the others", f.Name)
	}
	sum, size, err := hashFile(f.Path)
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	m.Files = append(m.Files, CopiedFile{Name: filepath.ToSlash(name), Bytes: size, SHA256: sum, Shard: state.Shard, Schema: state.Schema})
	m.Feeds = append(m.Feeds, state.Feeds...)
	if f.IsVault() {
		m.Vault = &state.Vault
	}
	return nil
}

// sum finds damage; it is no protection against whoever can write to the folder.
func (m Manifest) sum() (string, error) {
	m.Sum = ""
	b, err := json.Marshal(m)
	if err != nil {
		return "", hub.Errorf(hub.KindInternal, "printing manifest", "not printable")
	}
	digest := sha256.Sum256(b)
	return hex.EncodeToString(digest[:]), nil
}

// save writes the manifest, after which the folder is complete.
func (m Manifest) save(folder string) (err error) {
	if m.Sum, err = m.sum(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return hub.Errorf(hub.KindInternal, "writing manifest", "not printable")
	}
	return replaceFile(filepath.Join(folder, manifestName), append(b, '\n'))
}

// loadManifest reads and checks the form; the files are looked at when they are copied.
func loadManifest(folder, kind string) (m Manifest, err error) {
	const op = "reading manifest"
	path := filepath.Join(folder, manifestName)
	wrong := func(why string) error {
		return &hub.Error{Kind: hub.KindPermanent, Op: op, Subject: path, Err: errors.New(why)}
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, wrong("it is missing: this is no backup, or one that was not finished")
	}
	if err != nil {
		return m, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	switch err := d.Decode(&m); {
	case err != nil || d.InputOffset() != int64(len(bytes.TrimRight(b, "\n"))):
		return m, wrong("it is damaged")
	case m.Format != manifestFormat:
		return m, wrong("its format is not known to this program")
	}
	if sum, err := m.sum(); err != nil || sum != m.Sum {
		return m, wrong("it is damaged")
	}
	switch {
	case m.Kind != kind:
		return m, wrong("it is a backup of kind " + printableKind(m.Kind) + ", not " + kind)
	case m.Installation == "" || (kind == kindVault) != (m.Vault != nil):
		return m, wrong("it is not complete")
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return m, wrong("it names a file outside of its folder")
		}
	}
	return m, nil
}

// printableKind names a kind that we know.
func printableKind(kind string) string {
	if kind == kindData || kind == kindVault {
		return kind
	}
	return "unknown"
}

// file returns the entry of a file.
func (m Manifest) file(name string) (CopiedFile, bool) {
	for _, f := range m.Files {
		if f.Name == name {
			return f, true
		}
	}
	return CopiedFile{}, false
}

func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// copySynced copies a file to a new one for its owner alone, whose bytes are on the disk when it returns, and hashes what
// it wrote.
func copySynced(from, to string) (sum string, size int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(out, h), in)
	if err == nil {
		err = out.Sync()
	}
	return hex.EncodeToString(h.Sum(nil)), size, errors.Join(err, out.Close())
}

// syncNames makes the names in a folder survive a power cut.
func syncNames(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
