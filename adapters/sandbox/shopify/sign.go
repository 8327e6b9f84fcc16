package shopify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// sign is the value of X-Shopify-Hmac-Sha256: base64 of HMAC-SHA256 over the raw body.
func sign(secret string, body []byte) string {
	return base64.StdEncoding.EncodeToString(digest(secret, string(body)))
}

func digest(secret, message string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// signQuery is the hmac parameter of an install request and of an OAuth callback: every parameter but hmac and signature,
// percent-encoded, sorted by name, joined by &, in lower-case hex.
func signQuery(secret string, q url.Values) string {
	var pairs []string
	for name, values := range q {
		if name == "hmac" || name == "signature" {
			continue
		}
		for _, v := range values {
			pairs = append(pairs, encode(name)+"="+encode(v))
		}
	}
	slices.Sort(pairs)
	return hex.EncodeToString(digest(secret, strings.Join(pairs, "&")))
}

// encode is percent-encoding with %20 for a space, as the platform's own library writes it.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// ProxySignature is the signature parameter of a request that the platform forwards to an app's proxy: another scheme than
// that of the query, decoded pairs sorted and joined by nothing, several values of a name by commas. The platform here
// forwards nothing; whoever plays a visitor of a storefront signs with this.
func ProxySignature(secret string, q url.Values) string {
	var pairs []string
	for name, values := range q {
		if name != "signature" {
			pairs = append(pairs, name+"="+strings.Join(values, ","))
		}
	}
	slices.Sort(pairs)
	return hex.EncodeToString(digest(secret, strings.Join(pairs, "")))
}
