package shopee

import (
	"strconv"
	"strings"

	"hub"
)

// Shop brings a shop id as people type it into its one form: a decimal int64 without leading zeros. Shopee's ids are
// numbers; the name of a shop is none.
func (*Driver) Shop(name string) (string, error) {
	text := strings.TrimSpace(name)
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n <= 0 || text != strconv.FormatInt(n, 10) {
		return "", hub.Invalid("shop_invalid", "shop")
	}
	return text, nil
}
