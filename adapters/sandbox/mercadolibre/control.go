package mercadolibre

import (
	"net/http"
	"strconv"
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
	mux.HandleFunc("POST /sandbox/topics", p.switchTopic)
	mux.HandleFunc("POST /sandbox/uninstall", p.uninstallApp)
	return stage.Guard(p, mux)
}

func (p *Platform) moveClock(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct{ Advance, Skew string }) (any, error) {
		if in.Skew != "" {
			d, err := time.ParseDuration(in.Skew)
			if err != nil {
				return nil, hub.Errorf(hub.KindInvalid, "moving the clock", "skew is a duration such as -7m")
			}
			p.Skew(d)
		}
		if in.Advance != "" {
			d, err := time.ParseDuration(in.Advance)
			if err != nil || d < 0 {
				return nil, hub.Errorf(hub.KindInvalid, "moving the clock", "advance is a duration such as 90m")
			}
			p.Advance(r.Context(), d)
		}
		return map[string]time.Time{"now": p.Now()}, nil
	})
}

func (p *Platform) actOn(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct {
		Seller string
		Action Action
		Order  int64 `json:",string"`
	}) (any, error) {
		o, err := p.Act(in.Seller, in.Action, in.Order)
		if err == nil && p.o.Clock == nil {
			p.Advance(r.Context(), 0) // on a virtual clock nobody else would send what is due now
		}
		return o, err
	})
}

func (p *Platform) switchTopic(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct{ App, Topic string }) (any, error) {
		return struct{}{}, p.SwitchOn(in.App, in.Topic)
	})
}

func (p *Platform) uninstallApp(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct{ App, Seller string }) (any, error) {
		return struct{}{}, p.Uninstall(in.App, in.Seller)
	})
}

func (p *Platform) showState(w http.ResponseWriter, _ *http.Request) {
	stage.WriteJSON(w, http.StatusOK, p.State())
}

func (p *Platform) showOrders(w http.ResponseWriter, r *http.Request) {
	list := p.Orders(r.URL.Query().Get("seller"))
	stage.WriteJSON(w, http.StatusOK, map[string]any{"data": append([]OrderState{}, list...)})
}

// mostRows is how many notifications the control API shows at once.
const mostRows = 250

// deliveryRow is a notification as the control API shows it.
type deliveryRow struct {
	Number   int       `json:"number"`
	Seller   string    `json:"seller"`
	Topic    string    `json:"topic"`
	Resource string    `json:"resource"`
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
			Number: d.Number, Seller: d.Account, Topic: d.Topic, Resource: d.Resource, State: d.State, URI: d.URI, Body: string(d.Body),
			Attempts: append([]Attempt{}, d.Attempts...), Faults: append([]Fault{}, d.Faults...),
		}
		if d.OrderID != 0 {
			row.Order = digitsOf(d.OrderID)
		}
		if rows = append(rows, row); len(rows) == mostRows {
			break
		}
	}
	stage.WriteJSON(w, http.StatusOK, map[string]any{"data": rows})
}

// index is the page for people.
func (p *Platform) index(w http.ResponseWriter, _ *http.Request) {
	s := p.State()
	stage.Show(w, pages, http.StatusOK, "index.html", map[string]any{
		"Now": s.Now.Format("2006-01-02 15:04:05 UTC"), "Virtual": p.o.Clock == nil, "Sellers": s.Sellers, "Apps": s.Apps,
		"Deliveries": s.Deliveries, "Faults": s.Faults, "Notices": s.Notices, "Recent": s.recent, "Due": s.Due, "Missed": s.Missed,
	})
}
