package shopee

import (
	"net/http"
	"slices"
	"time"

	"hub/adapters/sandbox/stage"
)

// State is the platform at a glance.
type State struct {
	Now     time.Time      `json:"now"`
	Shops   []ShopState    `json:"shops"`
	Apps    []AppState     `json:"apps"`
	Pushes  map[string]int `json:"deliveries"` // by state
	Faults  map[Fault]int  `json:"faults"`     // played
	Notices []Notice       `json:"notices"`
	Due     int            `json:"due"` // tasks that wait for their time
	recent  []Sent
}

// ShopState is one shop at a glance.
type ShopState struct {
	ID       string   `json:"shop_id"`
	Name     string   `json:"name"`
	Region   string   `json:"region"`
	Currency string   `json:"currency"`
	Status   string   `json:"status"`
	Orders   int      `json:"orders"`
	Apps     []string `json:"apps"` // partner ids of the apps that are let in
}

// AppState is one app at a glance.
type AppState struct {
	ID      string `json:"partner_id"`
	Name    string `json:"name"`
	PushURL string `json:"push_url"`
	Push    string `json:"push"` // Normal, Warning, Suspended
	Lost    int    `json:"lost"` // pushes that nobody confirmed
}

// shownPushes is how many of the newest the index page lists.
const shownPushes = 50

// State takes a look at the platform.
func (p *Platform) State() State {
	p.line.Lock()
	defer p.line.Unlock()
	s := State{
		Now: p.line.Time(), Shops: []ShopState{}, Apps: []AppState{}, Pushes: map[string]int{}, Faults: p.faults.Played(),
		Notices: append([]Notice{}, p.notices...), Due: p.line.Due(),
	}
	for _, d := range p.sent {
		s.Pushes[d.State]++
	}
	for _, d := range slices.Backward(p.sent[max(0, len(p.sent)-shownPushes):]) {
		s.recent = append(s.recent, *d)
	}
	for _, shop := range p.listed {
		s.Shops = append(s.Shops, ShopState{
			itoa(shop.id), shop.spec.Name, shop.spec.Region, shop.market.currency, shop.status, len(shop.orders), p.granted(shop),
		})
	}
	for _, a := range p.apps {
		s.Apps = append(s.Apps, AppState{a.spec.ClientID, a.spec.Name, a.spec.PushURL, a.health.word(), len(a.lost)})
	}
	return s
}

// index is the page for people.
func (p *Platform) index(w http.ResponseWriter, _ *http.Request) {
	s := p.State()
	stage.Show(w, pages, http.StatusOK, "index.html", map[string]any{
		"Now": s.Now.Format("2006-01-02 15:04:05 UTC"), "Virtual": p.o.Clock == nil, "Shops": s.Shops, "Apps": s.Apps, "Pushes": s.Pushes,
		"Faults": s.Faults, "Notices": s.Notices, "Recent": s.recent, "Due": s.Due,
	})
}
