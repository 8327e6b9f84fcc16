package shopee

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hub"
	"hub/adapters/driver"
)

// Inspect asks for the shop. It has no scopes, and no one currency that the platform tells: each order says its own.
func (*Driver) Inspect(ctx context.Context, c driver.Caller, _ driver.App, _ string) (driver.Shop, error) {
	call := reads("get_shop_info", pathShop, nil)
	call.Class = driver.ClassAdmin
	got, err := c.Call(ctx, call)
	if err != nil {
		return driver.Shop{}, err
	}
	a := openAnswer(got)
	shop := driver.Shop{
		Name: a.label(a.top.Get("shop_name")), Now: platformTime(got), RenewBy: a.unix(a.top.Get("expire_time")),
	}
	status := a.Name(a.Need(a.top, "status"), maxName)
	if err := a.err(call.Name); err != nil {
		return driver.Shop{}, err
	}
	switch strings.ToUpper(status) {
	case "NORMAL":
		shop.Active = true
	case "BANNED", "FROZEN":
		shop.Problems = []driver.Repair{{
			Code: string(CodeBlocked), Detail: strings.ToLower(status), Hint: "Shopee has stopped the shop: its owner has to ask the Shopee Seller Centre why.",
		}}
	default:
		shop.Problems = []driver.Repair{{
			Code: "shop_status_unknown", Detail: shown(status), Hint: "Shopee tells a status of the shop that this version does not know: look into the Seller Centre.",
		}}
	}
	return shop, nil
}

// pushes are the codes that the hub needs, and the first ones that it cannot do without. Those that the platform's
// configuration call does not list are switched in the console only.
var pushes = []int64{3, 4, 29, 30, 1, 2, 12, 15, 47}

const vital = 2 // how many of pushes are missed when nobody lists them

// Subscriptions looks at the app's push configuration, which is one for all shops, and turns on what is off. The address
// is the app's too, and signed: it is told when there is none or when it is another host's, and never set from here, where
// only one shop's is known.
func (*Driver) Subscriptions(ctx context.Context, c driver.Caller, _ driver.App, account, hookURL string) ([]driver.Repair, error) {
	call := reads("get_app_push_config", pathPushConfig, nil)
	call.Class, call.Public = driver.ClassAdmin, true
	got, err := c.Call(ctx, call)
	if err != nil {
		return nil, err
	}
	a := openAnswer(got)
	config := a.readPushConfig()
	if err := a.err(call.Name); err != nil {
		return nil, err
	}
	repairs, wanted := config.compare(account, hookURL)
	if len(wanted) == 0 {
		return repairs, nil
	}
	body, err := json.Marshal(wanted)
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "printing a call", "the push configuration is not printable")
	}
	_, err = c.Call(ctx, driver.Call{
		Name: "set_app_push_config", Class: driver.ClassAdmin, Method: http.MethodPost, Path: pathSetPush, Body: body, Public: true, Repeat: true,
	})
	if err == nil {
		return repairs, nil
	}
	if kind := hub.KindOf(err); kind != hub.KindPermanent && kind != hub.KindForbidden {
		return nil, err
	}
	for i := range repairs { // the platform does not let us: people have to
		repairs[i].Mended = false
	}
	return repairs, nil
}

// pushConfig is what the platform says of an app's pushes.
type pushConfig struct {
	url, status string
	on, off     []int64
	blocked     []string
}

func (a *answer) readPushConfig() (p pushConfig) {
	response := a.response()
	p.url, p.status = a.Text(response.Get("callback_url")), a.Name(response.Get("live_push_status"), maxName)
	for v := range a.list(response.Get("push_config_on_list")).Items() {
		p.on = append(p.on, a.Count(v))
	}
	for v := range a.list(response.Get("push_config_off_list")).Items() {
		p.off = append(p.off, a.Count(v))
	}
	for v := range a.list(response.Get("blocked_shop_id")).Items() {
		p.blocked = append(p.blocked, a.id(v))
	}
	return p
}

// compare says what is wrong, and what set_app_push_config is to be told; nothing when it cannot help.
func (p pushConfig) compare(account, hookURL string) (repairs []driver.Repair, wanted map[string]any) {
	wanted = map[string]any{}
	switch {
	case p.url == "":
		repairs = append(repairs, driver.Repair{Code: "push_address_missing", Hint: "Set the hub's address of the app as its callback URL in the Shopee Open Platform Console."})
	case !sameHost(p.url, hookURL):
		repairs = append(repairs, driver.Repair{Code: "push_address_other", Hint: "The app's callback URL is another one: set the hub's in the Shopee Open Platform Console, if no other program needs it."})
	}
	var turn []int64
	for i, code := range pushes {
		switch {
		case slices.Contains(p.on, code):
		case slices.Contains(p.off, code):
			turn = append(turn, code)
			repairs = append(repairs, missed(code, true))
		case i < vital:
			repairs = append(repairs, missed(code, false))
		}
	}
	if len(turn) > 0 {
		wanted["set_push_config_on"] = turn
	}
	if strings.EqualFold(p.status, "suspended") || strings.EqualFold(p.status, "warning") {
		repairs = append(repairs, driver.Repair{
			Code: "push_" + strings.ToLower(p.status), Hint: "Too many pushes failed: see that the callback URL answers, then switch pushes on again in the console.",
		})
	}
	if slices.Contains(p.blocked, account) {
		repairs = append(repairs, driver.Repair{Code: "push_shop_blocked", Detail: account, Hint: "Take the shop off the app's list of blocked shops in the console."})
	}
	return repairs, wanted
}

// sameHost reports whether two addresses lead to one program.
func sameHost(a, b string) bool {
	one, err := url.Parse(a)
	two, failed := url.Parse(b)
	return err == nil && failed == nil && one.Scheme == two.Scheme && one.Host == two.Host
}

func missed(code int64, mended bool) driver.Repair {
	return driver.Repair{
		Code: "push_off", Detail: "code " + itoa(code), Hint: "Turn this push on in the Shopee Open Platform Console.", Mended: mended,
	}
}

// Disconnect does nothing: the platform has a page for it (cancel_auth_partner), on which only the seller can end a grant,
// and no call.
func (*Driver) Disconnect(context.Context, driver.Caller, driver.App, driver.Token) error { return nil }
