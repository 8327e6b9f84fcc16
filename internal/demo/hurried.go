package demo

import (
	"hub/adapters/driver"
	"hub/adapters/mercadolibre"
	"hub/adapters/shopee"
	"hub/adapters/shopify"
)

// hurried are the hub's own drivers, for platforms that allow speed times what they document.
func hurried() []driver.Storefront {
	return []driver.Storefront{hurriedShopify{shopify.New()}, hurriedShopee{shopee.New()}, hurriedMercadoLibre{mercadolibre.New()}}
}

type hurriedShopify struct{ *shopify.Driver }

// Limits implements driver.Client.
func (h hurriedShopify) Limits() driver.Limits { return faster(h.Driver.Limits()) }

type hurriedShopee struct{ *shopee.Driver }

// Limits implements driver.Client.
func (h hurriedShopee) Limits() driver.Limits { return faster(h.Driver.Limits()) }

type hurriedMercadoLibre struct{ *mercadolibre.Driver }

// Limits implements driver.Client.
func (h hurriedMercadoLibre) Limits() driver.Limits { return faster(h.Driver.Limits()) }

// faster also says that orders do not reach back for years: the shops are new, and a list of nothing takes as long.
func faster(l driver.Limits) driver.Limits {
	l.PerSecond *= speed
	l.Back = 2 * before
	return l
}
