package baseline

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Door is a webhook handler that verifies and seals like the hub's and then forgets: HMAC-SHA256 over the body, a fresh
// AES-256-GCM key for each record by HKDF from Key and a random salt, 200.
type Door struct {
	Secret  []byte // signs bodies
	Key     []byte // 32 bytes
	Token   string // of the one endpoint
	MaxBody int64
	Sealed  func([]byte) // gets each sealed record; keeps the compiler and the reader sure that it exists
}

// Handler serves POST /hooks/{platform}/{endpoint}.
func (d Door) Handler() http.Handler {
	r := chi.NewRouter()
	r.Post("/hooks/{platform}/{endpoint}", d.take)
	return r
}

func (d Door) take(w http.ResponseWriter, r *http.Request) {
	body, ok := verified(w, r, d.Token, d.Secret, d.MaxBody)
	if !ok {
		return
	}
	sealed, err := d.seal(body, r.Header.Get("X-Shopify-Webhook-Id"))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	d.Sealed(sealed)
	w.WriteHeader(http.StatusOK)
}

// verified reads a body for the one endpoint and checks its signature; what it refuses is answered.
func verified(w http.ResponseWriter, r *http.Request, token string, secret []byte, most int64) (body []byte, ok bool) {
	if chi.URLParam(r, "endpoint") != token {
		w.WriteHeader(http.StatusNotFound)
		return nil, false
	}
	body, err := read(w, r, most)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return nil, false
	}
	claimed, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Shopify-Hmac-Sha256"))
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	if err != nil || !hmac.Equal(mac.Sum(nil), claimed) {
		w.WriteHeader(http.StatusUnauthorized)
		return nil, false
	}
	return body, true
}

func read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	limited := http.MaxBytesReader(w, r.Body, most)
	if n := r.ContentLength; n >= 0 && n <= most {
		body := make([]byte, n)
		_, err := io.ReadFull(limited, body)
		return body, err
	}
	return io.ReadAll(limited)
}

// seal writes salt, nonce, ciphertext and tag.
func (d Door) seal(body []byte, id string) ([]byte, error) {
	salt := make([]byte, 32, 32+12+len(body)+16)
	rand.Read(salt)
	prk, err := hkdf.Extract(sha256.New, d.Key, salt)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Expand(sha256.New, prk, "baseline row key", 64) // a key and a commitment to it
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key[:32])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(salt, nil, body, []byte(id)), nil
}
