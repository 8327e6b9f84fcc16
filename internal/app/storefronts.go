package app

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/shopify"
)

// Storefronts is the visible list of the platforms that this program speaks.
func Storefronts() []driver.Storefront {
	return []driver.Storefront{
		shopify.New(),
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
