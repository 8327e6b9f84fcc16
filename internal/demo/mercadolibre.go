package demo

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hub"
	"hub/adapters/sandbox/mercadolibre"
)

// mercadoLibreRates are the faults of the made-up Mercado Libre in per mille of its notifications or answers.
var mercadoLibreRates = map[mercadolibre.Fault]int{
	mercadolibre.Duplicate: 100, mercadolibre.Reorder: 150, mercadolibre.Forge: 20, mercadolibre.APIError: 20, mercadolibre.APICut: 10,
	mercadolibre.APIThrottle: 10, mercadolibre.APILag: 50, mercadolibre.PagesRepeat: 50, mercadolibre.PagesSkip: 50,
}

// mercadoLibrePlatform is a Mercado Libre with one seller.
type mercadoLibrePlatform struct {
	*mercadolibre.Platform
	account string
}

// openMercadoLibre makes it.
func openMercadoLibre(o Options, w *watch) (profile, platform, error) {
	about := profile{
		name: hub.MercadoLibre, share: 1, title: "Mercado Libre", clientID: "1234567890123456", secret: "demo-secret-of-a-made-up-app", unsigned: true,
	}
	p := mercadoLibrePlatform{Platform: mercadolibre.Open(mercadolibre.Options{
		Seed: o.Seed, Start: w.time().Add(-before), Clock: w.now, Speed: speed, Workers: senders,
	})}
	var err error
	if p.account, err = p.AddSeller(mercadolibre.SellerSpec{Nickname: "LOJINHA", Site: "MLB"}); err != nil {
		return about, p, err
	}
	about.shop = p.account
	about.consent = map[string][]string{"decision": {"allow"}, "as": {"owner"}, "user": {p.account}}
	return about, p, misbehave(o, p.SetFault, mercadoLibreRates)
}

// enrol implements post. The app's configuration has the one address of all notifications.
func (p mercadoLibrePlatform) enrol(about profile, redirect, hook string) error {
	_, err := p.AddApp(mercadolibre.AppSpec{
		ClientID: about.clientID, Secret: about.secret, Name: "Hub", Redirects: []string{redirect}, PKCE: true, NotifyURL: hook,
		RequestsPerHour: 18_000 * speed,
	})
	return err
}

func (p mercadoLibrePlatform) act(s step, order string) (string, error) {
	id, err := strconv.ParseInt("0"+order, 10, 64)
	if err != nil {
		return "", err
	}
	o, err := p.Act(p.account, mercadolibre.Action(s), id)
	return strconv.FormatInt(o.ID, 10), err
}

func (p mercadoLibrePlatform) hush(next int) error { return p.FaultNext(mercadolibre.Drop, next) }

func (p mercadoLibrePlatform) orders() (list []truth) {
	for _, o := range p.Orders(p.account) {
		list = append(list, truth{id: strconv.FormatInt(o.ID, 10), updated: o.Updated, total: o.Current, open: !o.Complete && !o.Cancelled})
	}
	return list
}

func (p mercadoLibrePlatform) life(random *rand.Rand) (steps []step) {
	add := func(in int, actions ...mercadolibre.Action) bool {
		if random.IntN(in) > 0 {
			return false
		}
		for _, a := range actions {
			steps = append(steps, step(a))
		}
		return true
	}
	if add(12, mercadolibre.Cancel) { // never paid
		return steps
	}
	add(1, mercadolibre.Pay)
	if add(12, mercadolibre.Cancel) {
		return steps
	}
	add(10, mercadolibre.Note)
	if add(5) { // still to be sent
		add(4, mercadolibre.Refund)
		return steps
	}
	add(1, mercadolibre.Ship)
	if add(4) || add(20, mercadolibre.Lose) {
		return steps
	}
	add(1, mercadolibre.Deliver)
	add(8, mercadolibre.Refund)
	if add(12, mercadolibre.Claim) && !add(3, mercadolibre.Settle) {
		add(1, mercadolibre.Return, mercadolibre.ReturnSent, mercadolibre.Returned)
	}
	return steps
}

// dispatched implements post. Nothing proves who has sent a notification, so a forged one is answered like any other.
func (p mercadoLibrePlatform) dispatched() dispatch {
	var all []sending
	for _, s := range p.Sent() {
		all = append(all, sending{state: s.State, forged: slices.Contains(s.Faults, mercadolibre.Forge), attempts: len(s.Attempts)})
	}
	d := count(all, p.Faults()[mercadolibre.Duplicate])
	d.believed, d.removed = 0, len(p.State().Notices)
	return d
}

// news implements post: times of one form and width compare like text. Some notifications lack theirs.
func (mercadoLibrePlatform) news(_ http.Header, body []byte) (order, at string) {
	var note struct{ Resource, Received string }
	if json.Unmarshal(body, &note) != nil || note.Received == "" {
		return "", ""
	}
	order, found := strings.CutPrefix(note.Resource, "/orders/")
	if !found || strings.Contains(order, "/") {
		return "", ""
	}
	return order, note.Received
}

func (p mercadoLibrePlatform) answeredBadly() int {
	return played(p.Faults(), mercadolibre.APIError, mercadolibre.APIHalf, mercadolibre.APICut, mercadolibre.APIThrottle, mercadolibre.APILag,
		mercadolibre.PagesRepeat, mercadolibre.PagesSkip)
}
