package shopee

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// headerSign carries the signature, bare: no scheme word (developer guide 18, push authorisation).
const headerSign = "Authorization"

// maxProbe bounds the body that is looked into without a good signature, to see whether it is a trial of the address.
const maxProbe = 4 << 10

// Verify proves that the body was pushed to the registered address: lower-case hex of HMAC-SHA256 over the address, a "|"
// and the raw bytes, keyed with the characters of the push key (or of the partner key; which one applies is (U), so both
// are secrets). An empty secret never verifies. The topic is the push code, from the body, once that is proven.
//
// An empty body, or one with code 0, is how the console's Verify button tries the address, signed or not (U): it is a
// probe whatever its signature, and nothing more.
func (*Driver) Verify(s driver.Signed) (driver.Notice, error) {
	if len(s.Body) == 0 {
		return driver.Notice{Probe: true}, nil
	}
	if authentic(s) {
		return notice(s.Body), nil
	}
	if len(s.Body) <= maxProbe {
		if n := notice(s.Body); n.Probe {
			return n, nil
		}
	}
	return driver.Notice{}, &hub.Error{Kind: hub.KindUnauthentic, Op: "verifying shopee delivery"}
}

func authentic(s driver.Signed) bool {
	claims := s.Header.Values(headerSign)
	if len(claims) != 1 || len(claims[0]) != hex.EncodedLen(sha256.Size) || s.URL == "" {
		return false
	}
	for _, secret := range s.Secrets {
		if secret != "" && hmac.Equal([]byte(sign(secret, s.URL+"|", s.Body)), []byte(claims[0])) {
			return true
		}
	}
	return false
}

// sign is the one signature of the platform. The key is its characters, never hex-decoded.
func sign(key, prefix string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(prefix))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// notice reads what a push says of itself. Whatever cannot be read stays empty: Read says what is wrong with it.
func notice(body []byte) driver.Notice {
	v, err := strictjson.Parse(body)
	if err != nil {
		return driver.Notice{}
	}
	var n driver.Notice
	if code := v.Get("code"); code.Kind() == strictjson.Number {
		n.Topic = short(code)
	}
	if n.Topic == "0" {
		return driver.Notice{Probe: true}
	}
	n.DeliveryID = short(v.Get("msg_id"))
	var d decoder
	if at := d.unix(v.Get("timestamp")); d.Err() == nil {
		n.TriggeredAt = at
	}
	return n
}

// short reads a text that nothing depends on; one that is too long or not printable ASCII is as good as none.
func short(v strictjson.Value) string {
	text := v.Text()
	if len(text) > maxName {
		return ""
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return ""
		}
	}
	return text
}

// Seconds since 1970 that the platform may send: a time before 1971 is a mistake, and one after 9998 prints in no calendar.
const (
	earliest = 365 * 24 * 60 * 60
	latest   = 253_370_678_400
)
