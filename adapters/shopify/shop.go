package shopify

import (
	"regexp"
	"strings"
	"unicode"

	"hub"
)

// domain is the form of a shop's permanent domain (Shopify, authorization code grant: "shop" parameter).
var domain = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*\.myshopify\.com$`)

// maxShop bounds a shop's name: no domain is longer.
const maxShop = 253

// Shop returns the shop's myshopify.com domain in lower case. It may be given without its ending. No address is ever made of
// a name that did not pass here.
func (*Driver) Shop(name string) (string, error) {
	account := strings.ToLower(strings.TrimSpace(name))
	if !strings.Contains(account, ".") {
		account += ".myshopify.com"
	}
	// A few letters outside of ASCII have an ASCII lower case.
	foreign := strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII })
	if foreign || len(account) > maxShop || !domain.MatchString(account) {
		return "", hub.Invalid("shop_invalid", "shop")
	}
	return account, nil
}
