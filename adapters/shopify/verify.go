package shopify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// The headers of a delivery (shopify.dev, webhooks, delivery structure). None but the body is signed.
const (
	headerHMAC       = "X-Shopify-Hmac-Sha256"
	headerTopic      = "X-Shopify-Topic"
	headerShop       = "X-Shopify-Shop-Domain"
	headerDelivery   = "X-Shopify-Webhook-Id"
	headerTriggered  = "X-Shopify-Triggered-At"
	headerAPIVersion = "X-Shopify-Api-Version"
)

// maxHeader bounds each header that is kept; the longest real one is a domain name.
const maxHeader = 255

// Verify proves that the body was signed with one of the secrets: standard base64 of HMAC-SHA256 over the raw bytes, keyed
// with the app's client secret. Shopify signs with the oldest secret that is not revoked, hence a list. An empty secret
// never verifies. Headers that are repeated, too long or hold control characters are KindInvalid: shortening a delivery
// id could make two deliveries one.
func (*Driver) Verify(s driver.Signed) (driver.Notice, error) {
	if !authentic(s.Header.Values(headerHMAC), s.Body, s.Secrets) {
		return driver.Notice{}, &hub.Error{Kind: hub.KindUnauthentic, Op: "verifying shopify delivery"}
	}
	h := fields{header: s.Header}
	n := driver.Notice{
		Topic:       topic(h.get(headerTopic)),
		DeliveryID:  h.get(headerDelivery),
		Account:     strings.ToLower(h.get(headerShop)),
		TriggeredAt: h.time(headerTriggered),
		APIVersion:  h.get(headerAPIVersion),
	}
	if h.err != nil {
		return driver.Notice{}, h.err
	}
	n.Duty = meaningOf(n.Topic) == unhandled
	return n, nil
}

// topic is a topic as it is kept, in clear and for longer than what it came with: nobody has signed it, so one that does not look
// like Shopify's (words with a slash or dot between them) is not kept.
func topic(header string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	if header != "" && (strings.Trim(strings.ToLower(header), letters+"_./") != "" || !strings.ContainsAny(header, "/.")) {
		return "?"
	}
	return header
}

func authentic(claims []string, body []byte, secrets []string) bool {
	if len(claims) != 1 || len(claims[0]) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return false
	}
	claimed, err := base64.StdEncoding.Strict().DecodeString(claims[0])
	if err != nil {
		return false
	}
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), claimed) {
			return true
		}
	}
	return false
}

// fields reads headers and keeps the first failure.
type fields struct {
	header http.Header
	err    error
}

func (f *fields) get(name string) string {
	values := f.header.Values(name)
	switch {
	case f.err != nil || len(values) == 0:
		return ""
	case len(values) > 1:
		return f.fail(hub.CodeDuplicateKey, name)
	case len(values[0]) > maxHeader:
		return f.fail(hub.CodeTooLong, name)
	}
	for i := range len(values[0]) {
		if c := values[0][i]; c < ' ' || c > '~' {
			return f.fail(hub.CodeOutOfRange, name)
		}
	}
	return values[0]
}

func (f *fields) fail(code hub.Code, name string) string {
	f.err = &hub.Error{Kind: hub.KindInvalid, Code: code, Op: "reading shopify header", Path: name}
	return ""
}

// time reads a time that nothing depends on; a spelling that we do not know is as good as none.
func (f *fields) time(name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, f.get(name))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
