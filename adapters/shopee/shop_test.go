package shopee

import (
	"testing"

	"hub"
)

func TestShop(t *testing.T) {
	d := New()
	for name, want := range map[string]string{"727720655": "727720655", " 18446744073\n": "18446744073"} {
		if got, err := d.Shop(name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "0", "-1", "+7", "007", "1.0", "1e3", "７", "shop", "1 2", "1/2", "9223372036854775808", "1\x00"} {
		if got, err := d.Shop(name); hub.CodeOf(err) != "shop_invalid" || hub.PathOf(err) != "shop" || got != "" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
