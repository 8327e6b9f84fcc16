package shopee

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
)

// digest is the one signature of the platform: lower-case hex of HMAC-SHA256. The key is its characters, never hex-decoded
// (developer guide 16).
func digest(key string, parts ...string) string {
	mac := hmac.New(sha256.New, []byte(key))
	for _, part := range parts {
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// signCall signs a call: no separators, no host, no query, no body. A public call has neither token nor account; the
// account of the others is the shop's id or the merchant's.
func signCall(key, partner, path, timestamp, token, account string) string {
	return digest(key, partner, path, timestamp, token, account)
}

// signPush is the Authorization of a push: over the registered address, byte for byte, a "|" and the raw body (guide 18).
func signPush(key, address string, body []byte) string {
	return digest(key, address, "|", string(body))
}

// same compares two signatures.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// hexID draws 16 bytes in hex, which is what tokens, codes and request ids look like.
func hexID(r *rand.Rand) string {
	b := make([]byte, 0, 16)
	for range 2 {
		n := r.Uint64()
		for shift := 0; shift < 64; shift += 8 {
			b = append(b, byte(n>>shift))
		}
	}
	return hex.EncodeToString(b)
}
