package stranger

import "bytes"

const intakeMagic = "hubintk\x02"

// intakeKeys returns the keys of all intake key files that a root opens, by id.
func (e *Evidence) intakeKeys(roots []root) map[string][]byte {
	const header, entry = 8 + 4 + 16 + 4 + 4, 16 + 32
	found := map[string][]byte{}
	for text := range e.intake {
		b := []byte(text)
		if len(b) < header+28 || !bytes.Equal(crc(b[:header-4]), b[header-4:header]) {
			continue
		}
		aad := append(part([]byte("hub intake keys 2")), part(b[:header])...)
		for _, r := range roots {
			plain := unseal(derive(r.key, "hub intake keys 2", 32), aad, b[header:])
			for ; len(plain) >= entry; plain = plain[entry:] {
				found[string(plain[:16])] = plain[16:entry]
			}
		}
	}
	return found
}
