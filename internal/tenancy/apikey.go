package tenancy

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"hub"
)

// keyPrefix starts every API key, so that people and secret scanners recognise one.
const keyPrefix = "hub_live_"

// secretLength is the number of characters of a key's secret, five bits each: 200 bits.
const secretLength = 40

// mintKey makes the text of a new API key, hub_live_<id>_<secret><crc>, and what is stored of it. The CRC-32 lets a
// client and a scanner notice a mistyped key without asking.
func mintKey(id hub.KeyID, random io.Reader) (text string, hash [32]byte, err error) {
	secret, err := randomText(random, secretLength)
	if err != nil {
		return "", hash, err
	}
	body := keyPrefix + strings.TrimPrefix(string(id), hub.KeyPrefix) + "_" + secret
	return body + checksum(body), sha256.Sum256([]byte(secret)), nil
}

func checksum(body string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) }

// parseKey splits the text of an API key. ok is false for whatever cannot be one.
func parseKey(text string) (id hub.KeyID, secret string, ok bool) {
	rest, found := strings.CutPrefix(text, keyPrefix)
	name, tail, split := strings.Cut(rest, "_")
	if !found || !split || len(tail) != secretLength+8 {
		return "", "", false
	}
	secret = tail[:secretLength]
	if checksum(text[:len(text)-8]) != tail[secretLength:] {
		return "", "", false
	}
	return hub.KeyID(hub.KeyPrefix + name), secret, true
}

// matches compares in constant time.
func (k Key) matches(secret string) bool {
	hash := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1
}

// alphabet has 32 characters, none of which reads like another.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// randomText returns n characters of five random bits each.
func randomText(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", hub.Errorf(hub.KindUnavailable, "reading randomness", "%w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b), nil
}
