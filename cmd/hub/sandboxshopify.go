package main

import (
	"strings"
	"time"

	"hub"
	"hub/adapters/sandbox/shopify"
)

// shopifyStage is a made-up Shopify.
type shopifyStage struct{ *shopify.Platform }

func openShopify(c *sandboxCommand, start time.Time, clock hub.Clock) stage {
	return shopifyStage{shopify.Open(shopify.Options{
		Seed: c.Seed, Start: start, Clock: clock, Speed: c.Speed, Loopback: true, Workers: sandboxWorkers,
	})}
}

// personalFields are those that Shopify shows to apps which it has approved for them.
func personalFields() []string { return []string{"name", "address", "phone", "email"} }

func (s shopifyStage) app(c *sandboxCommand, secret string) (string, error) {
	const id = "sandbox-app"
	_, err := s.AddApp(shopify.AppSpec{
		ClientID: id, Secrets: []string{secret}, Name: "Sandbox app", URL: c.AppURL, Redirects: c.Redirect, Customers: true, Fields: personalFields(),
	})
	return id, err
}

func (s shopifyStage) shop(c *sandboxCommand, name string) (id, path string, err error) {
	decimals := map[string]int{"JPY": 0, "KWD": 3}
	digits, other := decimals[c.Currency]
	if !other {
		digits = 2
	}
	id, err = s.AddShop(shopify.ShopSpec{Name: name, Currency: c.Currency, Decimals: digits})
	return id, "/shops/" + id, err
}

// hook implements stock: its subscriptions are the app's own, which no failure removes.
func (s shopifyStage) hook(_ int, shop sandboxShop) error {
	id := "hook-" + strings.TrimSuffix(shop.Shop, ".myshopify.com")
	if _, err := s.AddApp(shopify.AppSpec{
		ClientID: id, Secrets: []string{shop.Secret}, Name: "Webhooks of --hook", Customers: true, Fields: personalFields(),
		Hooks: []shopify.Hook{{Topics: shopify.Topics(), URI: shop.HookURL}}, PrivacyURI: shop.HookURL,
	}); err != nil {
		return err
	}
	_, err := s.Install(id, shop.Shop, []string{"read_orders", "read_all_orders"})
	return err
}

func (s shopifyStage) trade(shop string, interval, pace time.Duration) error {
	return s.Trade(shop, -1, interval, pace)
}

func (s shopifyStage) names() []string { return texts(shopify.FaultNames()) }

func (s shopifyStage) rate(name string, perMille int) error {
	return s.SetFault(shopify.Fault(name), perMille)
}
