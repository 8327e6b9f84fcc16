package stage

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"

	"hub"
)

// Guard serves a platform and, at / and under /sandbox/, its control. The control has no sign-in, so it answers only requests
// whose host is a loopback address, and none that a page of another origin sends.
func Guard(platform, control http.Handler) http.Handler {
	guarded := http.NewCrossOriginProtection().Handler(control)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		switch {
		case r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/sandbox/"):
			platform.ServeHTTP(w, r)
		case !IsLoopback(strings.Trim(host, "[]")):
			http.Error(w, "the control of a sandbox is for its own machine", http.StatusMisdirectedRequest)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

// IsLoopback reports whether a host without port is this machine by its literal address, or "localhost".
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Control reads a JSON request, does something and answers with its result.
func Control[In any](w http.ResponseWriter, r *http.Request, do func(In) (any, error)) {
	var in In
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		WriteJSON(w, http.StatusBadRequest, map[string]string{"error": "the request is not what this address takes"})
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
	WriteJSON(w, status, out)
}

// SetFaults is the handler that sets a platform's faults.
func SetFaults[F ~string](p interface {
	SetFault(F, int) error
	FaultNext(F, int) error
	Faults() map[F]int
}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		Control(w, r, func(in struct {
			Rates map[F]int // per mille
			Next  map[F]int // how many of the next
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
}

// WriteJSON answers with a JSON document, without the escapes that only HTML needs.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // the reader is gone or not
}
