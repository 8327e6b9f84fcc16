package gdpr

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"path/filepath"
)

// An intake key file: magic "hubintk", format 1, key id (16), then the wrapped key.
const (
	intakeMagic = "hubintk\x01"
	intakeSize  = len(intakeMagic) + 16 + wrapSize
	intakeFile  = "intake.key"
	opIntake    = "opening intake key"
	kindIntake  = Kind("intake") // never in the vault
)

// IntakeKey seals what one hub keeps on its own disk: the records of its log and its copy of the directory. It needs no
// vault, so webhooks are accepted while every database is down. It is safe for concurrent use, and since each value has
// a key of its own there is no bound on how many it seals.
type IntakeKey struct {
	id     [16]byte
	secret *[32]byte
}

// OpenIntakeKey returns the intake key in dir, DIR/intake.key, and makes one when there is none; it is durable before it
// returns. One process uses a folder at a time. A file that is wrapped under another root is CodeRootMismatch, a
// damaged one hub.CodeUnreadable, one that others may open KindForbidden: the hub must not start over them, because what
// its log accepted opens under that key only.
func OpenIntakeKey(ctx context.Context, dir string, root Root) (*IntakeKey, error) {
	return openIntakeKey(ctx, osDisk{}, dir, root)
}

func openIntakeKey(ctx context.Context, d disk, dir string, root Root) (*IntakeKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, rootError(opIntake, dir, err)
	}
	if err := d.Mkdir(dir); err != nil {
		return nil, rootError(opIntake, dir, err)
	}
	name := filepath.Join(dir, intakeFile)
	wrap := root.wrapper(intakeWrapLabel)
	b, err := readPrivate(opIntake, name, int64(intakeSize))
	var k *IntakeKey
	switch {
	case err == nil:
		k, err = parseIntakeKey(wrap, name, b)
	case errors.Is(err, fs.ErrNotExist):
		k = &IntakeKey{secret: newSecret()}
		rand.Read(k.id[:])
		err = writeNew(d, name, k.file(wrap))
	}
	if err == nil {
		err = errors.Join(sweep(d, dir), d.SyncDir(dir), d.SyncDir(filepath.Dir(filepath.Clean(dir))))
	}
	if err != nil {
		return nil, rootError(opIntake, name, err)
	}
	return k, nil
}

// intakeRow is the form in which wrapping binds the key to its id.
func intakeRow(id [16]byte, wrapped []byte) WrappedKey {
	return WrappedKey{ID: string(id[:]), Kind: kindIntake, Wrapped: wrapped}
}

func (k *IntakeKey) file(wrap wrapper) []byte {
	b := append([]byte(intakeMagic), k.id[:]...)
	return append(b, wrap.wrap(k.secret, intakeRow(k.id, nil))...)
}

func parseIntakeKey(wrap wrapper, name string, b []byte) (*IntakeKey, error) {
	if len(b) != intakeSize || string(b[:len(intakeMagic)]) != intakeMagic {
		return nil, damagedKey(opIntake, name)
	}
	id := [16]byte(b[len(intakeMagic):])
	secret, err := wrap.unwrap(opIntake, intakeRow(id, b[len(intakeMagic)+16:]))
	if err != nil {
		return nil, err
	}
	return &IntakeKey{id: id, secret: secret}, nil
}

// Seal appends plaintext, sealed for its place, to dst, which may be nil; plaintext must not lie in the room behind dst. The
// place may have no tenant. It does no input or output. An incomplete place is KindInvalid without a code.
func (k *IntakeKey) Seal(dst []byte, p Place, plaintext []byte) ([]byte, error) {
	if err := p.check(opSeal); err != nil {
		return nil, err
	}
	var salt [32]byte
	rand.Read(salt[:])
	prefix := append(make([]byte, 0, envelopeStart+16+32), envelopeMagic...)
	prefix = append(prefix, byte(formatIntake), 0)
	prefix = append(prefix, k.id[:]...)
	prefix = append(prefix, salt[:]...)
	return seal(dst, p, prefix, extract(salt[:], k.secret), plaintext), nil
}

// Open opens what Seal sealed: KindPermanent with hub.CodeUnreadable when the bytes are damaged or from another place,
// KindNotFound with CodeKeyGone when they were sealed under another intake key.
func (k *IntakeKey) Open(p Place, sealed []byte) ([]byte, error) {
	e, ok := parseEnvelope(sealed)
	if !ok || e.format != formatIntake {
		return nil, p.unreadable()
	}
	if e.ids[0] != k.id {
		return nil, p.gone()
	}
	return e.open(p, extract(e.salt, k.secret))
}
