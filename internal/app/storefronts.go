package app

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/mercadolibre"
	"hub/adapters/shopee"
	"hub/adapters/shopify"
)

// Storefronts is the visible list of the platforms that this program speaks.
func Storefronts() []driver.Storefront {
	return []driver.Storefront{
		shopify.New(),
		shopee.New(),
		mercadolibre.New(),
	}
}

// byPlatform indexes the storefronts.
func byPlatform(list []driver.Storefront) map[hub.Platform]driver.Storefront {
	m := make(map[hub.Platform]driver.Storefront, len(list))
	for _, s := range list {
		m[s.Platform()] = s
	}
	return m
}

func names(list []driver.Storefront) (platforms []hub.Platform) {
	for _, s := range list {
		platforms = append(platforms, s.Platform())
	}
	return platforms
}

// ShopNames returns what brings the name of a shop into its platform's form.
func ShopNames(list []driver.Storefront) func(hub.Platform, string) (string, error) {
	known := byPlatform(list)
	return func(p hub.Platform, name string) (string, error) {
		s, ok := known[p]
		if !ok {
			return "", hub.Invalid("platform_unknown", "platform")
		}
		return s.Shop(name)
	}
}
