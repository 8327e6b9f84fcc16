package shopify

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hub"
)

// Control serves what the real platform does not have: an index page at / and a JSON API under /sandbox/ to move the clock,
// to make things happen to orders and to set faults. Everything else goes to the platform. It has no sign-in, so it answers
// only requests whose host is a loopback address or a shop, and none that a page of another origin sends.
func (p *Platform) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /sandbox/state", p.showState)
	mux.HandleFunc("GET /sandbox/deliveries", p.showDeliveries)
	mux.HandleFunc("GET /sandbox/orders", p.showOrders)
	mux.HandleFunc("POST /sandbox/clock", p.moveClock)
	mux.HandleFunc("POST /sandbox/orders", p.actOn)
	mux.HandleFunc("POST /sandbox/faults", p.setFaults)
	mux.HandleFunc("POST /sandbox/uninstall", p.uninstallApp)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		control := r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/sandbox/")
		switch {
		case !control:
			p.ServeHTTP(w, r)
		case !isLoopback(host):
			http.Error(w, "the control of a sandbox is for its own machine", http.StatusMisdirectedRequest)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

// control reads a JSON request, does something and answers with its result.
func control[In any](w http.ResponseWriter, r *http.Request, do func(In) (any, error)) {
	var in In
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "the request is not what this address takes"})
		return
	}
	out, err := do(in)
	status := http.StatusOK
	if err != nil {
		out = map[string]string{"error": err.Error()}
		status = map[hub.Kind]int{hub.KindNotFound: http.StatusNotFound, hub.KindConflict: http.StatusConflict}[hub.KindOf(err)]
		if status == 0 {
			status = http.StatusUnprocessableEntity
		}
	}
	writeJSON(w, status, out)
}

func (p *Platform) moveClock(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct{ Advance string }) (any, error) {
		d, err := time.ParseDuration(in.Advance)
		if err != nil || d < 0 {
			return nil, hub.Errorf(hub.KindInvalid, "moving the clock", "advance is a duration such as 90m")
		}
		p.Advance(r.Context(), d)
		return map[string]time.Time{"now": p.Now()}, nil
	})
}

func (p *Platform) actOn(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct {
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

func (p *Platform) setFaults(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct {
		Rates map[Fault]int // per mille
		Next  map[Fault]int // how many of the next
	}) (any, error) {
		for f, rate := range in.Rates {
			if err := p.SetFault(f, rate); err != nil {
				return nil, err
			}
		}
		for f, n := range in.Next {
			if err := p.FaultNext(f, n); err != nil {
				return nil, err
			}
		}
		return map[string]any{"played": p.Faults()}, nil
	})
}

func (p *Platform) uninstallApp(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct{ App, Shop string }) (any, error) {
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
	p.lock()
	defer p.mu.Unlock()
	s := State{
		Now: p.now, Shops: []ShopState{}, Deliveries: map[string]int{}, Faults: maps.Clone(p.faults.played),
		Notices: append([]Notice{}, p.notices...), Due: len(p.due),
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
	writeJSON(w, http.StatusOK, p.State())
}

func (p *Platform) showOrders(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"data": p.Orders(r.URL.Query().Get("shop"))})
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
	writeJSON(w, http.StatusOK, map[string]any{"data": rows})
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
	page(w, http.StatusOK, "index.html", map[string]any{
		"Now": s.Now.Format("2006-01-02 15:04:05 UTC"), "Virtual": p.o.Clock == nil, "Shops": s.Shops, "Deliveries": s.Deliveries,
		"Faults":  s.Faults,
		"Notices": s.Notices, "Recent": s.recent, "Subscriptions": s.subscriptions, "Install": links, "Due": s.Due,
	})
}

func (p *Platform) clientIDs() (ids []string) {
	p.lock()
	defer p.mu.Unlock()
	for _, a := range p.apps {
		ids = append(ids, a.spec.ClientID)
	}
	return ids
}
