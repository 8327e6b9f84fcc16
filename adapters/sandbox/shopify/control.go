package shopify

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/sandbox/stage"
)

// Control serves what the real platform does not have: an index page at / and a JSON API under /sandbox/ to move the clock,
// to make things happen to orders and to set faults. Everything else goes to the platform. It has no sign-in, so it answers
// only requests whose host is a loopback address, and none that a page of another origin sends.
func (p *Platform) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /sandbox/state", p.showState)
	mux.HandleFunc("GET /sandbox/deliveries", p.showDeliveries)
	mux.HandleFunc("GET /sandbox/orders", p.showOrders)
	mux.HandleFunc("POST /sandbox/clock", p.moveClock)
	mux.HandleFunc("POST /sandbox/orders", p.actOn)
	mux.HandleFunc("POST /sandbox/faults", stage.SetFaults[Fault](p))
	mux.HandleFunc("POST /sandbox/uninstall", p.uninstallApp)
	return stage.Guard(p, mux)
}

func (p *Platform) moveClock(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct{ Advance string }) (any, error) {
		d, err := time.ParseDuration(in.Advance)
		if err != nil || d < 0 {
			return nil, hub.Errorf(hub.KindInvalid, "moving the clock", "advance is a duration such as 90m")
		}
		p.Advance(r.Context(), d)
		return map[string]time.Time{"now": p.Now()}, nil
	})
}

func (p *Platform) actOn(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct {
		Shop   string
		Action Action
		Order  int64 `json:",string"`
	}) (any, error) {
		o, err := p.Act(in.Shop, in.Action, in.Order)
		if err == nil && p.o.Clock == nil {
			p.Advance(r.Context(), 0) // on a virtual clock nobody else would send what is due now
		}
		return o, err
	})
}

func (p *Platform) uninstallApp(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct{ App, Shop string }) (any, error) {
		return struct{}{}, p.Uninstall(in.App, in.Shop)
	})
}

// State is the platform at a glance.
type State struct {
	Now           time.Time      `json:"now"`
	Shops         []ShopState    `json:"shops"`
	Deliveries    map[string]int `json:"deliveries"` // by state
	Faults        map[Fault]int  `json:"faults"`     // played
	Notices       []Notice       `json:"notices"`
	Due           int            `json:"due"` // tasks that wait for their time
	recent        []Sent
	subscriptions []subscriptionRow
}

// ShopState is one shop at a glance.
type ShopState struct {
	Domain   string   `json:"domain"`
	Currency string   `json:"currency"`
	Orders   int      `json:"orders"`
	Apps     []string `json:"apps"` // client ids of installed apps
}

type subscriptionRow struct {
	Shop, App, Topics, URI, Level string
	Failures                      int
}

// shownDeliveries is how many of the newest the index page lists.
const shownDeliveries = 50

// State takes a look at the platform.
func (p *Platform) State() State {
	p.line.Lock()
	defer p.line.Unlock()
	s := State{
		Now: p.line.Time(), Shops: []ShopState{}, Deliveries: map[string]int{}, Faults: p.faults.Played(),
		Notices: append([]Notice{}, p.notices...), Due: p.line.Due(),
	}
	for _, d := range p.sent {
		s.Deliveries[d.State]++
	}
	for _, d := range slices.Backward(p.sent[max(0, len(p.sent)-shownDeliveries):]) {
		s.recent = append(s.recent, *d)
	}
	for _, shop := range p.shops {
		row := ShopState{Domain: shop.Domain, Currency: shop.Currency, Orders: len(shop.orders), Apps: []string{}}
		for _, i := range shop.installs {
			row.Apps = append(row.Apps, i.app.spec.ClientID)
			s.subscriptions = append(s.subscriptions, i.rows()...)
		}
		s.Shops = append(s.Shops, row)
	}
	return s
}

func (i *install) rows() (rows []subscriptionRow) {
	for _, h := range i.app.spec.Hooks {
		rows = append(rows, subscriptionRow{i.store.Domain, i.app.spec.Name, strings.Join(h.Topics, ", "), h.URI, "app", 0})
	}
	for _, s := range i.subs {
		rows = append(rows, subscriptionRow{i.store.Domain, i.app.spec.Name, s.Topic, s.URI, "API", s.Failures})
	}
	return rows
}

func (p *Platform) showState(w http.ResponseWriter, _ *http.Request) {
	stage.WriteJSON(w, http.StatusOK, p.State())
}

func (p *Platform) showOrders(w http.ResponseWriter, r *http.Request) {
	stage.WriteJSON(w, http.StatusOK, map[string]any{"data": p.Orders(r.URL.Query().Get("shop"))})
}

// deliveryRow is a delivery as the control API shows it; the body is what was signed.
type deliveryRow struct {
	Number   int       `json:"number"`
	Shop     string    `json:"shop"`
	Topic    string    `json:"topic"`
	State    string    `json:"state"`
	URI      string    `json:"uri"`
	Order    string    `json:"order,omitempty"`
	Attempts []Attempt `json:"attempts"`
	Faults   []Fault   `json:"faults"`
	Body     string    `json:"body"`
}

func (p *Platform) showDeliveries(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil || after < 0 {
		after = 0
	}
	all := p.Sent()
	rows := []deliveryRow{}
	for _, d := range all[min(after, len(all)):] {
		row := deliveryRow{
			Number: d.Number, Shop: d.Shop, Topic: d.Topic, State: d.State, URI: d.URI, Body: string(d.Body),
			Attempts: append([]Attempt{}, d.Attempts...), Faults: append([]Fault{}, d.Faults...),
		}
		if d.OrderID != 0 {
			row.Order = strconv.FormatInt(d.OrderID, 10)
		}
		if rows = append(rows, row); len(rows) == maxPage {
			break
		}
	}
	stage.WriteJSON(w, http.StatusOK, map[string]any{"data": rows})
}

// index is the page for people.
func (p *Platform) index(w http.ResponseWriter, _ *http.Request) {
	s := p.State()
	type link struct{ App, Shop, URL string }
	var links []link
	for _, a := range p.clientIDs() {
		for _, shop := range s.Shops {
			if to, err := p.InstallURL(a, shop.Domain); err == nil && !slices.Contains(shop.Apps, a) && !strings.HasPrefix(to, "?") {
				links = append(links, link{a, shop.Domain, to})
			}
		}
	}
	stage.Show(w, pages, http.StatusOK, "index.html", map[string]any{
		"Now": s.Now.Format("2006-01-02 15:04:05 UTC"), "Virtual": p.o.Clock == nil, "Shops": s.Shops, "Deliveries": s.Deliveries,
		"Faults":  s.Faults,
		"Notices": s.Notices, "Recent": s.recent, "Subscriptions": s.subscriptions, "Install": links, "Due": s.Due,
	})
}

func (p *Platform) clientIDs() (ids []string) {
	p.line.Lock()
	defer p.line.Unlock()
	for _, a := range p.apps {
		ids = append(ids, a.spec.ClientID)
	}
	return ids
}
