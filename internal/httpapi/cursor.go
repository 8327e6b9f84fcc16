package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strconv"

	"hub"
)

// A cursor says after which object a page begins. It is bound to the list, the tenant and the filter that it was given
// out for by a digest over all of them. That is no secret and protects none: a page is always read within the caller's
// own tenant. It keeps clients from getting a silently wrong page.

const (
	bindingSize = 12  // bytes of the digest in a cursor
	maxCursor   = 256 // characters
)

// listing is what a cursor is bound to.
type listing struct {
	name   string
	tenant hub.TenantID
	filter []string // in a fixed order, empty where not given
}

// cursor makes the cursor of the page after an object.
func (l listing) cursor(after string) string {
	return base64.RawURLEncoding.EncodeToString(append(l.binding(after), after...))
}

// after reads a cursor; "" is the first page. What this listing has not given out is refused, all of it alike.
func (l listing) after(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(cursor) > maxCursor || len(raw) <= bindingSize {
		return "", invalidCursor()
	}
	after := string(raw[bindingSize:])
	if l.cursor(after) != cursor { // also another spelling of the same bytes: loose bits, line ends
		return "", invalidCursor()
	}
	return after, nil
}

func (l listing) binding(after string) []byte {
	h := sha256.New()
	for _, part := range append([]string{l.name, string(l.tenant), after}, l.filter...) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	return h.Sum(nil)[:bindingSize]
}

func invalidCursor() error { return invalid("cursor_invalid", "query.cursor", texts["cursor_invalid"]) }

// next makes the Link header of the next page, relative to the address that was asked, from the same parameters.
func next(path string, parameters url.Values, limit int, cursor string) string {
	query := url.Values{"cursor": {cursor}, "limit": {strconv.Itoa(limit)}}
	for name, values := range parameters {
		if values[0] != "" {
			query[name] = values
		}
	}
	return "<" + path + "?" + query.Encode() + `>; rel="next"`
}
