package mercadolibre

import (
	"strings"

	"hub"
)

// Shop returns the seller's user id, which is how Mercado Libre names an account: digits, a positive int64.
func (*Driver) Shop(name string) (string, error) {
	account := strings.TrimSpace(name)
	if len(account) > maxID || !isID(account) {
		return "", hub.Invalid("shop_invalid", "shop")
	}
	return account, nil
}
