package gdpr

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"hub"
)

// An intake key file: magic "hubintk", format 2, generation of its root (4), root id (16), newest generation of a root ever
// seen (4), CRC-32C of these (4), then, sealed under the root, the keys, oldest first: id (16), key (32). The checksum tells
// damage from a wrong root.
const (
	intakeMagic     = "hubintk\x02"
	intakeHeader    = len(intakeMagic) + 4 + 16 + 4 + 4
	intakeEntry     = 16 + 32
	maxIntakeFile   = int64(intakeHeader + gcmSize + maxIntakeKeys*intakeEntry)
	intakeKeysLabel = "hub intake keys 2"
)

// CodeRootGone is CodeRootMismatch for a file whose root is older than all that there are: a forget cycle has destroyed it.
const CodeRootGone hub.Code = "root_gone"

func intakeBytes(root Root, seen int, list []*intakeKey) []byte {
	plain := make([]byte, 0, len(list)*intakeEntry)
	for _, key := range list {
		plain = append(plain, key.id[:]...)
		plain = append(plain, key.secret[:]...)
	}
	id := root.id()
	h := append(make([]byte, 0, intakeHeader+gcmSize+len(plain)), intakeMagic...)
	h = binary.BigEndian.AppendUint32(h, uint32(root.Generation))
	h = append(h, id[:]...)
	h = binary.BigEndian.AppendUint32(h, uint32(seen))
	h = binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return gcm(subkey(root.key, intakeKeysLabel, 32)).Seal(h, nil, plain, intakeAdditional(h))
}

func intakeAdditional(header []byte) []byte { return part(part(nil, intakeKeysLabel), header) }

// intakeFileHeader is what can be read without a root.
type intakeFileHeader struct {
	generation int
	root       [16]byte
	seen       int
	header     []byte
	sealed     []byte
}

// parseIntakeFile reads foreign bytes.
func parseIntakeFile(b []byte) (h intakeFileHeader, ok bool) {
	if len(b) < intakeHeader+gcmSize+intakeEntry || (len(b)-intakeHeader-gcmSize)%intakeEntry != 0 ||
		int64(len(b)) > maxIntakeFile || string(b[:len(intakeMagic)]) != intakeMagic {
		return h, false
	}
	h.header, h.sealed = b[:intakeHeader], b[intakeHeader:]
	if binary.BigEndian.Uint32(b[intakeHeader-4:]) != crc32.Checksum(b[:intakeHeader-4], castagnoli) {
		return h, false
	}
	fields := b[len(intakeMagic):]
	h.generation = int(binary.BigEndian.Uint32(fields))
	h.root = [16]byte(fields[4:20])
	h.seen = int(binary.BigEndian.Uint32(fields[20:]))
	return h, h.generation >= 1 && h.generation <= h.seen && h.seen <= maxGeneration
}

// parse takes over what the file holds. Nobody else knows the keys yet.
func (k *IntakeKeys) parse(b []byte, roots []Root) error {
	h, ok := parseIntakeFile(b)
	if !ok {
		return damagedKey(opIntake, k.name)
	}
	root, err := h.rootOf(k.name, roots)
	if err != nil {
		return err
	}
	plain, err := gcm(subkey(root.key, intakeKeysLabel, 32)).Open(nil, nil, h.sealed, intakeAdditional(h.header))
	if err != nil {
		return damagedKey(opIntake, k.name)
	}
	for at := 0; at < len(plain); at += intakeEntry {
		secret := [32]byte(plain[at+16 : at+intakeEntry])
		k.list = append(k.list, &intakeKey{id: [16]byte(plain[at : at+16]), secret: &secret})
	}
	k.root, k.seen = root, max(h.seen, k.seen)
	return nil
}

// rootOf finds the root of the file.
func (h intakeFileHeader) rootOf(name string, roots []Root) (Root, error) {
	newest := roots[len(roots)-1].Generation
	if h.seen > newest {
		return Root{}, &hub.Error{Kind: hub.KindInternal, Code: CodeRootMismatch, Op: opIntake, Subject: name,
			Err: errors.New("it has seen a newer root than those of HUB_KEYS, which is an old copy")}
	}
	for _, r := range roots {
		if r.Generation == h.generation && r.id() == h.root {
			return r, nil
		}
	}
	if h.generation < roots[0].Generation {
		return Root{}, &hub.Error{Kind: hub.KindInternal, Code: CodeRootGone, Op: opIntake, Subject: name,
			Err: errors.New("its root was destroyed by a forget cycle that did not wait for this hub")}
	}
	return Root{}, rootMismatch(opIntake, name)
}
