package shopee

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
	mux.HandleFunc("GET /sandbox/state", func(w http.ResponseWriter, _ *http.Request) { stage.WriteJSON(w, http.StatusOK, p.State()) })
	mux.HandleFunc("GET /sandbox/deliveries", p.showDeliveries)
	mux.HandleFunc("GET /sandbox/orders", func(w http.ResponseWriter, r *http.Request) {
		stage.WriteJSON(w, http.StatusOK, map[string]any{"data": append([]OrderState{}, p.Orders(r.URL.Query().Get("shop"))...)})
	})
	mux.HandleFunc("POST /sandbox/clock", p.moveClock)
	mux.HandleFunc("POST /sandbox/orders", p.actOn)
	mux.HandleFunc("POST /sandbox/faults", stage.SetFaults[Fault](p))
	mux.HandleFunc("POST /sandbox/uninstall", func(w http.ResponseWriter, r *http.Request) {
		stage.Control(w, r, func(in struct{ App, Shop string }) (any, error) { return struct{}{}, p.Uninstall(in.App, in.Shop) })
	})
	mux.HandleFunc("POST /sandbox/shops", func(w http.ResponseWriter, r *http.Request) {
		stage.Control(w, r, func(in struct{ Shop, Status string }) (any, error) {
			return struct{}{}, p.SetShopStatus(in.Shop, in.Status)
		})
	})
	mux.HandleFunc("POST /sandbox/pushes", p.steerPushes)
	mux.HandleFunc("POST /sandbox/resend", func(w http.ResponseWriter, r *http.Request) {
		stage.Control(w, r, func(in struct{ App, Shop string }) (any, error) {
			code, err := p.ResendCode(in.App, in.Shop)
			return map[string]string{"resend_code": code}, err
		})
	})
	return stage.Guard(p, mux)
}

func (p *Platform) moveClock(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct{ Advance, Skew string }) (any, error) {
		d, err := time.ParseDuration(orZero(in.Advance))
		skew, failed := time.ParseDuration(orZero(in.Skew))
		if err != nil || failed != nil || d < 0 {
			return nil, hub.Errorf(hub.KindInvalid, "moving the clock", "advance and skew are durations such as 90m")
		}
		if in.Skew != "" {
			p.SetSkew(skew)
		}
		p.Advance(r.Context(), d)
		return map[string]time.Time{"now": p.Now()}, nil
	})
}

func orZero(duration string) string {
	if duration == "" {
		return "0s"
	}
	return duration
}

func (p *Platform) actOn(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct {
		Shop   string
		Action Action
		Order  string
	}) (any, error) {
		o, err := p.Act(in.Shop, in.Action, in.Order)
		if err == nil && p.o.Clock == nil {
			p.Advance(r.Context(), 0) // on a virtual clock nobody else would send what is due now
		}
		return o, err
	})
}

// steerPushes switches an app's pushes on again, changes their address, or tries it.
func (p *Platform) steerPushes(w http.ResponseWriter, r *http.Request) {
	stage.Control(w, r, func(in struct {
		App, URL      string
		Resume, Probe bool
	}) (any, error) {
		failure := ""
		var err error
		if in.URL != "" {
			err = p.SetPushURL(in.App, in.URL)
		}
		if err == nil && in.Resume {
			err = p.ResumePush(in.App)
		}
		if err == nil && in.Probe {
			failure, err = p.Probe(r.Context(), in.App)
		}
		return map[string]string{"failure": failure}, err
	})
}

// deliveryRow is a push as the control API shows it; the body is what was signed.
type deliveryRow struct {
	Number   int       `json:"number"`
	Shop     string    `json:"shop"`
	App      string    `json:"app"`
	Code     int64     `json:"code"`
	Order    string    `json:"order,omitempty"`
	State    string    `json:"state"`
	URI      string    `json:"uri"`
	Attempts []Attempt `json:"attempts"`
	Faults   []Fault   `json:"faults"`
	Body     string    `json:"body"`
}

// maxRows is how many pushes one request shows.
const maxRows = 250

func (p *Platform) showDeliveries(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil || after < 0 {
		after = 0
	}
	all := p.Sent()
	rows := []deliveryRow{}
	for _, d := range all[min(after, len(all)):] {
		rows = append(rows, deliveryRow{
			d.Number, d.Shop, d.App, d.Code, d.OrderSN, d.State, d.URI, append([]Attempt{}, d.Attempts...), append([]Fault{}, d.Faults...), string(d.Body),
		})
		if len(rows) == maxRows {
			break
		}
	}
	stage.WriteJSON(w, http.StatusOK, map[string]any{"data": rows})
}
