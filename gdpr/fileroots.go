package gdpr

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// FileRoots keeps roots in DIR/forget/root.<generation>, 0600 in a folder of 0700. DIR/keep beside it is for keys that are
// never erased and belongs into backups; DIR/forget must be in none. Several hubs may share one DIR.
type FileRoots struct {
	dir   string
	disk  disk
	clock hub.Clock
	data  string
}

// OpenFileRoots returns the root store in a folder. It touches nothing yet. Receipts take their time from clock, and say
// whether the folder is on the same volume as data, the folder with the vault: "" when the vault is on another machine.
func OpenFileRoots(dir string, clock hub.Clock, data string) *FileRoots {
	return &FileRoots{dir: dir, disk: osDisk{}, clock: clock, data: data}
}

const (
	opLoadRoot   = "loading root"
	opCreateRoot = "creating root"
)

func (f *FileRoots) forget() string { return filepath.Join(f.dir, "forget") }

func (f *FileRoots) name(generation int) string {
	return filepath.Join(f.forget(), rootName+strconv.Itoa(generation))
}

// Load returns the roots. No root is KindNotFound; a file or folder that others may open is KindForbidden; a damaged file,
// or one beside the roots that looks like one, is KindPermanent: a copy would outlive the root.
func (f *FileRoots) Load(ctx context.Context) ([]Root, error) {
	if err := ctx.Err(); err != nil {
		return nil, rootError(opLoadRoot, f.forget(), err)
	}
	info, err := os.Stat(f.forget())
	if err != nil {
		return nil, rootError(opLoadRoot, f.forget(), err)
	}
	if err := private(opLoadRoot, f.forget(), info.Mode()); err != nil {
		return nil, err
	}
	list, err := f.generations(opLoadRoot)
	if err != nil {
		return nil, err
	}
	roots := make([]Root, 0, len(list))
	for _, generation := range list {
		root, err := readRoot(f.name(generation), generation)
		if errors.Is(err, fs.ErrNotExist) {
			continue // destroyed a moment ago
		}
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		return nil, rootError(opLoadRoot, f.forget(), fs.ErrNotExist)
	}
	// Whoever made a file may have died before its name was on the disk; nothing may be sealed until it is.
	if err := errors.Join(sweep(f.disk, f.forget()), f.settle()); err != nil {
		return nil, rootError(opLoadRoot, f.forget(), err)
	}
	return roots, nil
}

// Create makes the root of a generation, and the folders. When another hub is doing the same, at most one succeeds and the
// others get KindConflict; they call Load again.
func (f *FileRoots) Create(ctx context.Context, generation int) (Root, error) {
	if generation < 1 || generation > maxGeneration {
		return Root{}, hub.Errorf(hub.KindInvalid, opCreateRoot, "generation %d is out of range", generation)
	}
	if err := ctx.Err(); err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	if err := errors.Join(f.disk.Mkdir(f.forget()), f.disk.Mkdir(filepath.Join(f.dir, "keep"))); err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	if err := sweep(f.disk, f.forget()); err != nil {
		return Root{}, rootError(opCreateRoot, f.forget(), err)
	}
	list, err := f.generations(opCreateRoot)
	if err != nil {
		return Root{}, err
	}
	if len(list) > 0 && list[len(list)-1] >= generation {
		return Root{}, rootError(opCreateRoot, f.name(generation), fs.ErrExist)
	}
	var key [32]byte
	rand.Read(key[:])
	root := NewRoot(generation, key)
	if err := writeNew(f.disk, f.name(generation), rootBytes(root)); err != nil {
		return Root{}, createError(f.name(generation), err)
	}
	if err := f.settle(); err != nil {
		return Root{}, rootError(opCreateRoot, f.name(generation), err)
	}
	return root, nil
}

// generations lists the root files, ascending.
func (f *FileRoots) generations(op string) (list []int, err error) {
	entries, err := os.ReadDir(f.forget())
	if err != nil {
		return nil, rootError(op, f.forget(), err)
	}
	for _, e := range entries {
		digits, found := strings.CutPrefix(e.Name(), rootName)
		if !found || strings.Contains(e.Name(), tempMark) {
			continue
		}
		generation, err := strconv.Atoi(digits)
		if err != nil || generation < 1 || strconv.Itoa(generation) != digits {
			return nil, hub.Errorf(hub.KindPermanent, op, "%s is no root; take it away from there", filepath.Join(f.forget(), e.Name()))
		}
		list = append(list, generation)
	}
	slices.Sort(list)
	return list, nil
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

// readRoot reads one root file and holds its name against its content. A file that is not there keeps fs.ErrNotExist.
func readRoot(name string, generation int) (Root, error) {
	b, err := readPrivate(opLoadRoot, name, int64(rootSize))
	if err != nil {
		return Root{}, rootError(opLoadRoot, name, err)
	}
	inside, key, ok := parseRoot(b)
	if !ok || inside != generation {
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
