package mercadolibre

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hub"
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
	mux.HandleFunc("POST /sandbox/faults", p.setFaults)
	mux.HandleFunc("POST /sandbox/topics", p.switchTopic)
	mux.HandleFunc("POST /sandbox/uninstall", p.uninstallApp)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		switch {
		case r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/sandbox/"):
			p.ServeHTTP(w, r)
		case !isLoopback(strings.Trim(host, "[]")):
			http.Error(w, "the control of a sandbox is for its own machine", http.StatusMisdirectedRequest)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	reply{status: status, body: compact(v)}.write(w)
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
	control(w, r, func(in struct{ Advance, Skew string }) (any, error) {
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
	control(w, r, func(in struct {
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

func (p *Platform) switchTopic(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct{ App, Topic string }) (any, error) {
		return struct{}{}, p.SwitchOn(in.App, in.Topic)
	})
}

func (p *Platform) uninstallApp(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct{ App, Seller string }) (any, error) {
		return struct{}{}, p.Uninstall(in.App, in.Seller)
	})
}

func (p *Platform) showState(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, p.State())
}

func (p *Platform) showOrders(w http.ResponseWriter, r *http.Request) {
	list := p.Orders(r.URL.Query().Get("seller"))
	writeJSON(w, http.StatusOK, map[string]any{"data": append([]OrderState{}, list...)})
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
	writeJSON(w, http.StatusOK, map[string]any{"data": rows})
}

// index is the page for people.
func (p *Platform) index(w http.ResponseWriter, _ *http.Request) {
	s := p.State()
	page(w, http.StatusOK, "index.html", map[string]any{
		"Now": s.Now.Format("2006-01-02 15:04:05 UTC"), "Virtual": p.o.Clock == nil, "Sellers": s.Sellers, "Apps": s.Apps,
		"Deliveries": s.Deliveries, "Faults": s.Faults, "Notices": s.Notices, "Recent": s.recent, "Due": s.Due, "Missed": s.Missed,
	})
}
