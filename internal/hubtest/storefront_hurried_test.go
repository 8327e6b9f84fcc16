package hubtest_test

import (
	"hub/adapters/driver"
	"hub/adapters/mercadolibre"
	"hub/adapters/shopee"
	"hub/adapters/shopify"
)

// hurry is how much more platforms allow in a second of ours, in a drill where hours of theirs pass in seconds.
const hurry = 100

// hurried are the hub's own drivers under such platforms.
func hurried() []driver.Storefront {
	return []driver.Storefront{hurriedShopify{shopify.New()}, hurriedShopee{shopee.New()}, hurriedMercadoLibre{mercadolibre.New()}}
}

func sooner(l driver.Limits) driver.Limits {
	l.PerSecond *= hurry
	return l
}

type hurriedShopify struct{ *shopify.Driver }

// Limits implements driver.Client.
func (h hurriedShopify) Limits() driver.Limits { return sooner(h.Driver.Limits()) }

type hurriedShopee struct{ *shopee.Driver }

// Limits implements driver.Client.
func (h hurriedShopee) Limits() driver.Limits { return sooner(h.Driver.Limits()) }

type hurriedMercadoLibre struct{ *mercadolibre.Driver }

// Limits implements driver.Client.
func (h hurriedMercadoLibre) Limits() driver.Limits { return sooner(h.Driver.Limits()) }
