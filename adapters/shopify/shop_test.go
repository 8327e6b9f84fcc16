package shopify

import (
	"strings"
	"testing"

	"hub"
)

func TestShop(t *testing.T) {
	d := New()
	for name, want := range map[string]string{
		"acme": "acme.myshopify.com", "acme.myshopify.com": "acme.myshopify.com", " ACME.MyShopify.com\n": "acme.myshopify.com",
		"a-1": "a-1.myshopify.com", "1a": "1a.myshopify.com",
	} {
		if got, err := d.Shop(name); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", name, got, err, want)
		}
	}
	for _, hostile := range []string{
		"", " ", ".", "-a", "a_b", "acme.com", "acme.myshopify.com.evil.com", "evil.com/acme.myshopify.com", "https://acme.myshopify.com",
		"acme.myshopify.com/", "acme.myshopify.com:443", "acme.myshopify.com.", "a.b.myshopify.com", "acme@evil.myshopify.com",
		"acme.myshopify.com\nevil", "acme\x00", "acme%2e", "..", "açme", "\u212aelvin", "acme\u2024myshopify.com", "acme.myshopıfy.com",
		"ACME.MYSHOPİFY.COM", "acme#", "acme?x", "acme evil", strings.Repeat("a", 300), "\xff",
	} {
		if got, err := d.Shop(hostile); hub.KindOf(err) != hub.KindInvalid || got != "" {
			t.Errorf("%q is taken for %q (%v)", hostile, got, err)
		} else if len(hostile) > 2 && strings.Contains(err.Error(), hostile) {
			t.Errorf("the error repeats %q", hostile)
		}
	}
}
