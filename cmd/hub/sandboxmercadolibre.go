package main

import (
	"strconv"
	"time"

	"hub"
	"hub/adapters/sandbox/mercadolibre"
)

// mercadoLibreStage is a made-up Mercado Libre.
type mercadoLibreStage struct{ *mercadolibre.Platform }

func openMercadoLibre(c *sandboxCommand, start time.Time, clock hub.Clock) stage {
	return mercadoLibreStage{mercadolibre.Open(mercadolibre.Options{
		Seed: c.Seed, Start: start, Clock: clock, Speed: c.Speed, Workers: sandboxWorkers,
	})}
}

// firstApplication is the id of the app that sellers can allow; those of --hook follow.
const firstApplication = 1_000_000_000_000_001

func (s mercadoLibreStage) app(c *sandboxCommand, secret string) (string, error) {
	id := strconv.Itoa(firstApplication)
	_, err := s.AddApp(mercadolibre.AppSpec{
		ClientID: id, Secret: secret, Name: "Sandbox app", Redirects: c.Redirect, PKCE: true, NotifyURL: c.Push,
	})
	return id, err
}

func (s mercadoLibreStage) shop(c *sandboxCommand, name string) (id, path string, err error) {
	id, err = s.AddSeller(mercadolibre.SellerSpec{Nickname: name, Site: c.Country})
	return id, "", err
}

func (s mercadoLibreStage) hook(n int, shop sandboxShop) error {
	id := strconv.Itoa(firstApplication + 1 + n)
	if _, err := s.AddApp(mercadolibre.AppSpec{ClientID: id, Secret: shop.Secret, Name: "Notifications of --hook", NotifyURL: shop.HookURL}); err != nil {
		return err
	}
	_, err := s.Install(id, shop.Shop)
	return err
}

func (s mercadoLibreStage) trade(shop string, interval, pace time.Duration) error {
	return s.Trade(shop, -1, interval, pace)
}

func (s mercadoLibreStage) names() []string { return texts(mercadolibre.FaultNames()) }

func (s mercadoLibreStage) rate(name string, perMille int) error {
	return s.SetFault(mercadolibre.Fault(name), perMille)
}
