package gdpr

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"hub"
)

const (
	intakeFile  = "intake.key"
	opIntake    = "opening intake keys"
	opIntakeSet = "changing intake keys"

	// maxIntakeKeys bounds the file. A hub that starts again and again while its drain stands still adds a key each time;
	// from there on it goes on under the newest.
	maxIntakeKeys = 1024
)

// IntakeLease is the right to seal under the newest intake key. That key stays until Done, so whoever holds a lease from
// before Seal until an append to the log has returned knows that the record can be opened as long as it is in the log.
type IntakeLease interface {
	// Seal appends plaintext, sealed for its place, to dst, which may be nil; plaintext must not lie in the room behind
	// dst. The place may have no tenant. It does no input or output. An incomplete place is KindInvalid without a code.
	Seal(dst []byte, p Place, plaintext []byte) ([]byte, error)
	// Done gives the lease back, once.
	Done()
}

// IntakeKeys seals what one hub keeps on its own disk: the records of its log and its copy of the directory. It needs no
// vault, so webhooks are accepted while every database is down.
//
// Keys follow each other. Only the newest seals; an older one lives until nothing that was sealed under it is left to be
// read, and is then dropped, after which no copy of those bytes opens. The hub says when that is: see Drop. Use and Open
// are safe for concurrent use with everything and never wait for the disk.
type IntakeKeys struct {
	disk disk
	name string

	newest atomic.Pointer[intakeKey]
	byID   atomic.Pointer[map[[16]byte]*intakeKey] // replaced, never changed
	turn   atomic.Int64

	mu      sync.Mutex // one change at a time; guards what follows
	root    Root
	seen    int          // newest generation of a root ever seen
	list    []*intakeKey // oldest first
	barrier *intakeKey   // where the move to another root began
	target  int          // generation that the move goes to; 0 while there is none
}

// intakeKey is one key, and a lease on itself.
type intakeKey struct {
	id     [16]byte
	secret *[32]byte
	uses   atomic.Int64 // leases
	sealed atomic.Int64 // bytes, since the process began

	// Of a key that is not the newest any more; IntakeKeys.mu guards it. Nothing above that index of the log is sealed
	// under it.
	mark uint64
	idle bool // mark is set
}

func newIntakeKey() *intakeKey {
	k := &intakeKey{secret: new([32]byte)}
	rand.Read(k.id[:])
	rand.Read(k.secret[:])
	return k
}

// OpenIntakeKeys returns the keys in DIR/intake.key, with a new one for what will be sealed from now on, durable before it
// returns. roots are all that RootStore.Load returned. It makes the file when there is none, under the newest root: the
// caller must know that the log beside it is empty, because what a log holds opens under the keys of its own file only.
// One process uses a folder at a time.
//
// A file that no root opens, or that has seen a newer root than these, is CodeRootMismatch; CodeRootGone is its form when
// the root was destroyed, see ReplaceIntakeKeys. A damaged file is hub.CodeUnreadable, one that others may open
// KindForbidden.
func OpenIntakeKeys(ctx context.Context, dir string, roots []Root) (*IntakeKeys, error) {
	return openIntakeKeys(ctx, osDisk{}, dir, roots)
}

func openIntakeKeys(ctx context.Context, d disk, dir string, roots []Root) (*IntakeKeys, error) {
	k, err := startIntakeKeys(ctx, d, dir, roots)
	if err != nil {
		return nil, err
	}
	b, err := readPrivate(opIntake, k.name, maxIntakeFile)
	switch {
	case err == nil:
		if err := k.parse(b, roots); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, rootError(opIntake, k.name, err)
	}
	if err := k.start(); err != nil {
		return nil, err
	}
	return k, nil
}

// ReplaceIntakeKeys makes the file anew under the newest root, whatever keys it held. That is for a hub which was stopped
// while a forget cycle destroyed its root (CodeRootGone), and it is safe only when nothing needs the lost keys: every
// cursor of the log stands at its end, and the sealed copies beside the file can be made again from their databases. Any
// other error than CodeRootGone is returned again, and the file is left alone.
func ReplaceIntakeKeys(ctx context.Context, dir string, roots []Root) (*IntakeKeys, error) {
	return replaceIntakeKeys(ctx, osDisk{}, dir, roots)
}

func replaceIntakeKeys(ctx context.Context, d disk, dir string, roots []Root) (*IntakeKeys, error) {
	k, err := openIntakeKeys(ctx, d, dir, roots)
	if hub.CodeOf(err) != CodeRootGone {
		return k, err
	}
	if k, err = startIntakeKeys(ctx, d, dir, roots); err == nil {
		err = k.start()
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// CheckIntakeKeys says whether OpenIntakeKeys would succeed, and changes nothing. No file is fs.ErrNotExist with
// KindNotFound.
func CheckIntakeKeys(dir string, roots []Root) error {
	k, err := newIntakeKeys(osDisk{}, dir, roots)
	if err != nil {
		return err
	}
	b, err := readPrivate(opIntake, k.name, maxIntakeFile)
	if err != nil {
		return rootError(opIntake, k.name, err)
	}
	return k.parse(b, roots)
}

func newIntakeKeys(d disk, dir string, roots []Root) (*IntakeKeys, error) {
	if len(roots) == 0 {
		return nil, hub.Errorf(hub.KindInvalid, opIntake, "no root")
	}
	newest := roots[len(roots)-1]
	return &IntakeKeys{disk: d, name: filepath.Join(dir, intakeFile), root: newest, seen: newest.Generation}, nil
}

func startIntakeKeys(ctx context.Context, d disk, dir string, roots []Root) (*IntakeKeys, error) {
	if err := ctx.Err(); err != nil {
		return nil, rootError(opIntake, dir, err)
	}
	if err := d.Mkdir(dir); err != nil {
		return nil, rootError(opIntake, dir, err)
	}
	return newIntakeKeys(d, dir, roots)
}

// start adds the key of this process and makes the file durable, also if an earlier process had not come so far.
func (k *IntakeKeys) start() error {
	dir := filepath.Dir(k.name)
	if err := sweep(k.disk, dir); err != nil {
		return rootError(opIntake, k.name, err)
	}
	if err := k.Rotate(context.Background()); err != nil && !errors.Is(err, errManyKeys) {
		return err
	}
	if err := errors.Join(k.disk.SyncDir(dir), k.disk.SyncDir(filepath.Dir(dir))); err != nil {
		return rootError(opIntake, k.name, err)
	}
	return nil
}

// Use takes a lease on the newest key. It costs two atomic additions with Done and allocates nothing.
func (k *IntakeKeys) Use() IntakeLease {
	for {
		if key := k.newest.Load(); k.hold(key) {
			return key
		}
	}
}

// hold takes a lease on a key that was the newest a moment ago, if it still is. A rotation in between would not have seen
// the lease; after the rotation, whoever counts no lease knows that none comes.
func (k *IntakeKeys) hold(key *intakeKey) bool {
	key.uses.Add(1)
	if k.newest.Load() == key {
		return true
	}
	key.uses.Add(-1)
	return false
}

// Done implements IntakeLease.
func (k *intakeKey) Done() { k.uses.Add(-1) }

// Seal implements IntakeLease.
func (k *intakeKey) Seal(dst []byte, p Place, plaintext []byte) ([]byte, error) {
	if err := p.check(opSeal); err != nil {
		return nil, err
	}
	var salt [32]byte
	rand.Read(salt[:])
	prefix := append(make([]byte, 0, envelopeStart+16+32), envelopeMagic...)
	prefix = append(prefix, byte(formatIntake), 0)
	prefix = append(prefix, k.id[:]...)
	prefix = append(prefix, salt[:]...)
	sealed := seal(dst, p, prefix, extract(salt[:], k.secret), plaintext)
	k.sealed.Add(int64(len(sealed) - len(dst)))
	return sealed, nil
}

// Open opens what a lease sealed: KindPermanent with hub.CodeUnreadable when the bytes are damaged or from another place,
// KindNotFound with CodeKeyGone when their key was dropped, or is another hub's.
func (k *IntakeKeys) Open(p Place, sealed []byte) ([]byte, error) {
	e, ok := parseEnvelope(sealed)
	if !ok || e.format != formatIntake {
		return nil, p.unreadable()
	}
	key := (*k.byID.Load())[e.raw(0)]
	if key == nil {
		return nil, p.gone()
	}
	return e.open(p, extract(e.salt, key.secret))
}

// Format implements fmt.Formatter.
func (k *IntakeKeys) Format(s fmt.State, _ rune) { redact(s, "intake keys") }

// Format implements fmt.Formatter.
func (k *intakeKey) Format(s fmt.State, _ rune) { redact(s, "intake key") }
