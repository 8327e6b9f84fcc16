package gdpr

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hub"
)

// A root file, 48 bytes: magic "hubroot", format 1, generation (4), key (32), CRC-32C of these (4). The checksum tells
// one flipped bit, which would make the whole vault unreadable, at start and by name.
const (
	rootMagic = "hubroot\x01"
	rootSize  = len(rootMagic) + 4 + 32 + 4
	rootName  = "root."
)

// FileRoots keeps the root in DIR/forget/root.<generation>, 0600 in a folder of 0700. DIR/keep beside it is for keys
// that are never erased and belongs into backups; DIR/forget must be in none. Several hubs may share one DIR.
type FileRoots struct {
	dir  string
	disk disk
}

// OpenFileRoots returns the root store in a folder. It touches nothing yet.
func OpenFileRoots(dir string) *FileRoots { return &FileRoots{dir: dir, disk: osDisk{}} }

const (
	opLoadRoot   = "loading root"
	opCreateRoot = "creating root"
)

func (f *FileRoots) forget() string { return filepath.Join(f.dir, "forget") }

// Load returns the root. No root is KindNotFound; a file or folder that others may open is KindForbidden; a damaged
// file is KindPermanent; two generations are KindConflict, because only an interrupted forget cycle leaves two and
// which one seals the vault is not for this store to guess. What it returns is durable.
func (f *FileRoots) Load(ctx context.Context) (Root, error) {
	if err := ctx.Err(); err != nil {
		return Root{}, rootError(opLoadRoot, f.forget(), err)
	}
	info, err := os.Stat(f.forget())
	if err != nil {
		return Root{}, rootError(opLoadRoot, f.forget(), err)
	}
	if err := private(opLoadRoot, f.forget(), info.Mode()); err != nil {
		return Root{}, err
	}
	names, err := f.generations()
	if err != nil {
		return Root{}, rootError(opLoadRoot, f.forget(), err)
	}
	switch len(names) {
	case 0:
		return Root{}, rootError(opLoadRoot, f.forget(), fs.ErrNotExist)
	case 1:
	default:
		return Root{}, hub.Errorf(hub.KindConflict, opLoadRoot, "several generations in %s", f.forget())
	}
	root, err := readRoot(filepath.Join(f.forget(), names[0]))
	if err != nil {
		return Root{}, err
	}
	// Whoever made the file may have died before its name was on the disk; nothing may be sealed until it is.
	if err := errors.Join(sweep(f.disk, f.forget()), f.settle()); err != nil {
		return Root{}, rootError(opLoadRoot, f.forget(), err)
	}
	return root, nil
}

// Create makes generation 1 and the folders. When another hub is doing the same, at most one succeeds and the others
// get KindConflict; they call Load again.
func (f *FileRoots) Create(ctx context.Context) (Root, error) {
	if err := ctx.Err(); err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	if err := errors.Join(f.disk.Mkdir(f.forget()), f.disk.Mkdir(filepath.Join(f.dir, "keep"))); err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	if err := sweep(f.disk, f.forget()); err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	names, err := f.generations()
	if err == nil && len(names) > 0 {
		err = fs.ErrExist
	}
	if err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	root := NewRoot(1, *newSecret())
	name := filepath.Join(f.forget(), rootName+strconv.Itoa(root.Generation))
	if err := writeNew(f.disk, name, rootBytes(root)); err != nil {
		return Root{}, createError(name, err)
	}
	if err := f.settle(); err != nil {
		return Root{}, rootError(opCreateRoot, name, err)
	}
	return root, nil
}

// generations lists the names of root files.
func (f *FileRoots) generations() (names []string, err error) {
	entries, err := os.ReadDir(f.forget())
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), rootName) && !strings.Contains(e.Name(), tempMark) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// settle puts the names on the way to the root on the disk.
func (f *FileRoots) settle() error {
	return errors.Join(f.disk.SyncDir(f.forget()), f.disk.SyncDir(f.dir), f.disk.SyncDir(filepath.Dir(filepath.Clean(f.dir))))
}

func rootBytes(r Root) []byte {
	b := append(make([]byte, 0, rootSize), rootMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Generation))
	b = append(b, r.key[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readRoot reads one root file and holds its name against its content.
func readRoot(name string) (Root, error) {
	b, err := readPrivate(opLoadRoot, name, int64(rootSize))
	if err != nil {
		return Root{}, rootError(opLoadRoot, name, err)
	}
	generation, key, ok := parseRoot(b)
	if !ok || filepath.Base(name) != rootName+strconv.Itoa(generation) {
		return Root{}, hub.Errorf(hub.KindPermanent, opLoadRoot, "%s is damaged", name)
	}
	return NewRoot(generation, key), nil
}

func parseRoot(b []byte) (generation int, key [32]byte, ok bool) {
	if len(b) != rootSize || string(b[:len(rootMagic)]) != rootMagic ||
		binary.BigEndian.Uint32(b[rootSize-4:]) != crc32.Checksum(b[:rootSize-4], castagnoli) {
		return 0, key, false
	}
	g := binary.BigEndian.Uint32(b[len(rootMagic):])
	copy(key[:], b[len(rootMagic)+4:])
	return int(g), key, g >= 1 && g <= maxGeneration
}

// createError: a name that exists, or a temporary file that another creator swept away, means that this one lost.
func createError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &hub.Error{Kind: hub.KindConflict, Op: opCreateRoot, Subject: name, Err: errors.New("another hub is creating it")}
	}
	return rootError(opCreateRoot, name, err)
}

// rootError gives an error of the file system its kind. Such errors hold paths and reasons only.
func rootError(op, subject string, err error) error {
	var known *hub.Error
	kind := hub.KindUnavailable
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		kind = hub.KindNotFound
	case errors.Is(err, fs.ErrExist):
		kind = hub.KindConflict
	}
	return &hub.Error{Kind: kind, Op: op, Subject: subject, Err: err}
}
