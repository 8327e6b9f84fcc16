package shopify

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// orderWindow is how far orders reach back without read_all_orders.
const orderWindow = 60 * 24 * time.Hour

// Inspect asks for the shop and the grant. A frozen shop is an answer, not an error.
func (*Driver) Inspect(ctx context.Context, c driver.Caller, app driver.App, account string) (driver.Shop, error) {
	data, answer, err := ask(ctx, c, question{name: "shop", class: driver.ClassAdmin, query: queries.shop, cost: 3})
	if hub.CodeOf(err) == CodeShopFrozen {
		return driver.Shop{Problems: []driver.Repair{{
			Code: string(CodeShopFrozen), Hint: "The shop is frozen: its owner has to settle its plan with Shopify.",
		}}}, nil
	}
	if err != nil {
		return driver.Shop{}, err
	}
	shop := data.Get("shop")
	s := driver.Shop{Name: shop.Get("name").Text(), Currency: shop.Get("currencyCode").Text(), Active: true, Scopes: []string{}, Back: orderWindow}
	if now, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		s.Now = now.UTC()
	}
	for scope := range data.Get("currentAppInstallation").Get("accessScopes").Items() {
		s.Scopes = append(s.Scopes, scope.Get("handle").Text())
	}
	if granted(s.Scopes, "read_all_orders") {
		s.Back = 0
	}
	s.Problems = problems(s.Scopes, app, answer.Header)
	if named, ok := shopOf(shop.Get("myshopifyDomain").Text()); !ok || !strings.EqualFold(named, account) {
		return driver.Shop{}, &hub.Error{Kind: hub.KindConflict, Code: hub.CodeShopMismatch, Op: "inspecting a shopify shop"}
	}
	return s, nil
}

// problems lists what does not fit: scopes, and the version that was served.
func problems(scopes []string, app driver.App, h http.Header) (list []driver.Repair) {
	for _, scope := range scopesOf(app) {
		if !granted(scopes, scope) {
			list = append(list, driver.Repair{
				Code: string(CodeScope), Detail: scope, Hint: "Connect the shop again and grant " + scope + ", or take it out of the app's scopes.",
			})
		}
	}
	if served := h.Get(headerAPIVersion); served != "" && served != apiVersion {
		list = append(list, driver.Repair{
			Code: string(CodeAPIVersion), Detail: apiVersion, Hint: "Shopify no longer serves this version of its API: update the hub.",
		})
	}
	return list
}

// granted reports whether a scope is held, in its own or its write form, which implies it (U: and may be listed alone).
func granted(scopes []string, scope string) bool {
	return slices.Contains(scopes, scope) || slices.Contains(scopes, strings.Replace(scope, "read_", "write_", 1))
}

// Disconnect uninstalls the app from the shop. A token that is not taken any more, or a shop that is gone, is as good.
func (*Driver) Disconnect(ctx context.Context, c driver.Caller, _ driver.App, _ driver.Token) error {
	data, _, err := ask(ctx, c, question{name: "uninstall", class: driver.ClassAdmin, query: queries.uninstall, cost: 10, once: true})
	if kind := hub.KindOf(err); err != nil && (kind == hub.KindUnauthentic || kind == hub.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if data.Get("appUninstall").Get("userErrors").Len() > 0 {
		return &hub.Error{Kind: hub.KindPermanent, Code: CodeRefused, Op: "uninstalling from a shopify shop"}
	}
	return nil
}
