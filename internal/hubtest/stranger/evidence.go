package stranger

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"strings"
)

// Evidence is everything of interest in a heap of files, whatever their names.
type Evidence struct {
	Envelopes int // sealed values found, copies too

	keyrings  map[string]bool
	wrapped   map[string]bool  // keys of the vault, wrapped
	contexts  map[uint32][]row // rows of the vault that a wrapped key may belong to, by slot
	intake    map[string]bool  // intake key files
	envelopes map[string]bool
	tenants   map[string]bool
	known     map[string]bool // contexts seen
}

// Gather looks through files. Databases are read by their format, so that values that lie scattered over pages are found, and
// then every file is searched byte by byte, so that what was deleted and not overwritten is.
func Gather(files map[string][]byte) (*Evidence, error) {
	e := &Evidence{
		keyrings: map[string]bool{}, wrapped: map[string]bool{}, contexts: map[uint32][]row{}, intake: map[string]bool{},
		envelopes: map[string]bool{}, tenants: map[string]bool{"": true, "operator": true}, known: map[string]bool{},
	}
	for name, data := range files {
		if f := openSQLite(withLog(data, files[name+"-wal"])); f != nil {
			tables, err := f.tables()
			if err != nil {
				return nil, err
			}
			e.rows(tables)
		}
		if strings.HasSuffix(name, ".sql") {
			e.rows(readDump(string(data)))
		}
		if bytes.HasPrefix(data, []byte(intakeMagic)) {
			e.intake[string(data)] = true
		}
		e.carve(data)
	}
	e.Envelopes = len(e.envelopes)
	return e, nil
}

// rows keeps the values of rows that look sealed, and what is needed to open the vault's.
func (e *Evidence) rows(tables map[string][]row) {
	for name, rows := range tables {
		for _, r := range rows {
			for _, v := range r {
				if b, ok := v.([]byte); ok {
					e.look(b)
				}
			}
			if t := r.text("tenant_id"); t != "" {
				e.tenants[t] = true
			}
			if w := r.bytes("wrapped"); name == "vault_keys" && len(w) == wrapSize {
				if _, ok := wrapperOf(w); ok {
					e.context(u32(w[4:]), r)
				}
			}
		}
	}
}

func (e *Evidence) context(slot uint32, r row) {
	name := r.text("id") + r.text("tag") + r.text("expires")
	if !e.known[name] {
		e.known[name] = true
		e.contexts[slot] = append(e.contexts[slot], r)
	}
}

// look keeps a value that begins like something sealed.
func (e *Evidence) look(b []byte) {
	if _, ok := parseEnvelope(b); ok {
		e.envelopes[string(b)] = true
	}
	if _, ok := wrapperOf(b); ok {
		e.wrapped[string(b[:wrapSize])] = true
	}
	if bytes.HasPrefix(b, []byte("hubring\x01")) {
		e.keyrings[string(b)] = true
	}
}

// most is how much of a file is taken for a value whose end is not known.
const most = 16 << 10

// carve searches every byte.
func (e *Evidence) carve(data []byte) {
	for _, magic := range []string{"HE", "HW\x02\x00"} {
		for at := 0; ; at++ {
			i := bytes.Index(data[at:], []byte(magic))
			if i < 0 {
				break
			}
			at += i
			rest := data[at:min(len(data), at+most)]
			if magic == "HE" {
				if _, ok := parseEnvelope(rest); ok { // where it ends is not known
					e.envelopes[string(rest)] = true
				}
				continue
			}
			e.look(rest)
		}
	}
}

// Findings is what opened.
type Findings struct {
	Keyrings int             // keyrings that one of the roots opens
	Keys     map[string]bool // ids of the vault's keys that could be unwrapped
	Plain    [][]byte        // plaintexts, the ends of carved ones are noise
	Closed   int             // sealed values that did not open
	Named    map[string]int  // by id of a person: sealed values that name it, and …
	Opened   map[string]int  // … those of them that opened
}

// Try opens what these root files open.
func (e *Evidence) Try(rootFiles [][]byte) Findings {
	f := Findings{Keys: map[string]bool{}, Named: map[string]int{}, Opened: map[string]int{}}
	var roots []root
	for _, b := range rootFiles {
		if r, ok := parseRoot(b); ok {
			roots = append(roots, r)
		}
	}
	secrets := e.secrets(e.slots(roots, &f))
	for id := range secrets {
		f.Keys[id] = true
	}
	for id, key := range e.intakeKeys(roots) {
		secrets[id] = append(secrets[id], key)
	}
	for b := range e.envelopes {
		v, _ := parseEnvelope([]byte(b))
		plain := e.decrypt(v, secrets)
		for _, id := range v.ids {
			if strings.HasPrefix(id, "sub_") {
				f.Named[id]++
				if plain != nil {
					f.Opened[id]++
				}
			}
		}
		if plain == nil {
			f.Closed++
			continue
		}
		f.Plain = append(f.Plain, plain)
	}
	return f
}

// slots returns the keys of all keyrings that open, by the name that wrapped keys have for them.
func (e *Evidence) slots(roots []root, f *Findings) map[string]slotKey {
	keys := map[string]slotKey{}
	for blob := range e.keyrings {
		for _, r := range roots {
			if opened := openKeyring([]byte(blob), r); opened != nil {
				f.Keyrings++
				for _, k := range opened {
					keys[k.id()] = k
				}
			}
		}
	}
	return keys
}

// secrets unwraps the keys of the vault. More than one key may be found for an id, when somebody tries to mislead.
func (e *Evidence) secrets(slots map[string]slotKey) map[string][][]byte {
	found := map[string][][]byte{}
	for w := range e.wrapped {
		name, _ := wrapperOf([]byte(w))
		slot, ok := slots[name]
		if !ok {
			continue
		}
		for _, r := range e.contexts[u32([]byte(w[4:]))] {
			if key := slot.unwrap([]byte(w), r); key != nil {
				found[r.text("id")] = append(found[r.text("id")], key)
				break
			}
		}
	}
	return found
}

// decrypt returns the plaintext of a value if its keys are known. The commitment says so; the place, which only
// authenticates, is not needed by somebody who wants to read.
func (e *Evidence) decrypt(v envelope, secrets map[string][][]byte) []byte {
	var list [][]byte
	for _, id := range v.ids {
		if len(secrets[id]) == 0 {
			return nil
		}
		list = append(list, secrets[id][0])
	}
	for tenant := range e.tenants {
		for _, class := range []string{"P1", "P2"} {
			if key := v.key(tenant, class, list...); key != nil {
				return stream(key, v.ciphertext)
			}
		}
	}
	return nil
}

// stream decrypts without authenticating: GCM is counter mode that begins with 2.
func stream(key, sealed []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil || len(sealed) < 28 {
		return nil
	}
	counter := append(append([]byte{}, sealed[:12]...), 0, 0, 0, 2)
	plain := make([]byte, len(sealed)-28)
	cipher.NewCTR(block, counter).XORKeyStream(plain, sealed[12:len(sealed)-16])
	return plain
}
