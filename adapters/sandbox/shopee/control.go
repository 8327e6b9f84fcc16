package shopee

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
// only requests whose host is a loopback address, and none that a page of another origin sends.
func (p *Platform) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /sandbox/state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.State()) })
	mux.HandleFunc("GET /sandbox/deliveries", p.showDeliveries)
	mux.HandleFunc("GET /sandbox/orders", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"data": append([]OrderState{}, p.Orders(r.URL.Query().Get("shop"))...)})
	})
	mux.HandleFunc("POST /sandbox/clock", p.moveClock)
	mux.HandleFunc("POST /sandbox/orders", p.actOn)
	mux.HandleFunc("POST /sandbox/faults", p.setFaults)
	mux.HandleFunc("POST /sandbox/uninstall", func(w http.ResponseWriter, r *http.Request) {
		control(w, r, func(in struct{ App, Shop string }) (any, error) { return struct{}{}, p.Uninstall(in.App, in.Shop) })
	})
	mux.HandleFunc("POST /sandbox/shops", func(w http.ResponseWriter, r *http.Request) {
		control(w, r, func(in struct{ Shop, Status string }) (any, error) {
			return struct{}{}, p.SetShopStatus(in.Shop, in.Status)
		})
	})
	mux.HandleFunc("POST /sandbox/pushes", p.steerPushes)
	mux.HandleFunc("POST /sandbox/resend", func(w http.ResponseWriter, r *http.Request) {
		control(w, r, func(in struct{ App, Shop string }) (any, error) {
			code, err := p.ResendCode(in.App, in.Shop)
			return map[string]string{"resend_code": code}, err
		})
	})
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		control := r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/sandbox/")
		switch {
		case !control:
			p.ServeHTTP(w, r)
		case !isLoopback(strings.Trim(host, "[]")):
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
	control(w, r, func(in struct{ Advance, Skew string }) (any, error) {
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
	control(w, r, func(in struct {
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

func (p *Platform) setFaults(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct {
		Rates map[Fault]int // per mille
		Next  map[Fault]int // how many of the next
	}) (any, error) {
		for _, f := range slices.Sorted(maps.Keys(in.Rates)) {
			if err := p.SetFault(f, in.Rates[f]); err != nil {
				return nil, err
			}
		}
		for _, f := range slices.Sorted(maps.Keys(in.Next)) {
			if err := p.FaultNext(f, in.Next[f]); err != nil {
				return nil, err
			}
		}
		return map[string]any{"played": p.Faults()}, nil
	})
}

// steerPushes switches an app's pushes on again, changes their address, or tries it.
func (p *Platform) steerPushes(w http.ResponseWriter, r *http.Request) {
	control(w, r, func(in struct {
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
	writeJSON(w, http.StatusOK, map[string]any{"data": rows})
}

// writeJSON answers with a JSON document, without the escapes that only HTML needs.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // the reader is gone or not
}
