package mercadolibre

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	testApp    = "5503910054141466"
	testSecret = "hush"
	testHook   = "https://hooks.example.com/m/1"
	callback   = "https://hub.example.com/connect/mercadolibre/callback"
)

var begin = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// inbox answers notifications and keeps them.
type inbox struct {
	status int
	err    error
	got    [][]byte
	header []http.Header
}

func (i *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	i.got, i.header = append(i.got, body), append(i.header, r.Header)
	if i.err != nil {
		return nil, i.err
	}
	return &http.Response{StatusCode: i.status, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func spec() AppSpec {
	return AppSpec{ClientID: testApp, Secret: testSecret, Name: "Hub", Redirects: []string{callback}, PKCE: true, NotifyURL: testHook}
}

// rig is a platform with one app, one seller who granted it everything, and an inbox that answers 200.
type rig struct {
	*Platform
	t      testing.TB
	seller string
	token  string
	in     *inbox
}

func newRig(t testing.TB, site string, change func(*Options, *AppSpec)) *rig {
	t.Helper()
	o, s := Options{Seed: 1, Start: begin}, spec()
	if change != nil {
		change(&o, &s)
	}
	r := &rig{Platform: Open(o), t: t, in: &inbox{status: http.StatusOK}}
	r.Platform.send = r.in
	if _, err := r.AddApp(s); err != nil {
		t.Fatal(err)
	}
	r.seller = r.another(site)
	made, err := r.Install(testApp, r.seller)
	if err != nil {
		t.Fatal(err)
	}
	r.token = made.Access
	return r
}

func (r *rig) another(site string) string {
	r.t.Helper()
	account, err := r.AddSeller(SellerSpec{Site: site})
	if err != nil {
		r.t.Fatal(err)
	}
	return account
}

// do acts on an order and wants it to work.
func (r *rig) do(id int64, actions ...Action) (o OrderState) {
	r.t.Helper()
	for _, a := range actions {
		var err error
		if o, err = r.Act(r.seller, a, id); err != nil {
			r.t.Fatalf("%s: %v", a, err)
		}
	}
	return o
}

// sold is an order of a kind, paid, with its parcel.
func (r *rig) sold(fits func(*order) bool) *order {
	r.t.Helper()
	for range 400 {
		o := r.ledger.orders[r.do(0, Create).ID]
		if !o.pickup && (fits == nil || fits(o)) {
			r.do(o.id, Pay)
			r.pass(2 * time.Minute)
			return o
		}
	}
	r.t.Fatal("no such order comes")
	return nil
}

func (r *rig) pass(d time.Duration) { r.Advance(r.t.Context(), d) }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// visit sends a request as it is.
func (r *rig) visit(method, target string, form url.Values, header ...string) answer {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	q := httptest.NewRequest(method, target, body)
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, q)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

// get asks the API with the rig's token.
func (r *rig) get(target string, header ...string) answer {
	return r.visit(http.MethodGet, target, nil, append([]string{"Authorization", "Bearer " + r.token}, header...)...)
}

// read asks and wants 200 and an object.
func (r *rig) read(target string, header ...string) map[string]any {
	r.t.Helper()
	a := r.get(target, header...)
	if a.status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", target, a.status, a.body)
	}
	return decoded[map[string]any](r.t, a.body)
}

// refused asks and wants a status with a word in the platform's envelope.
func (r *rig) refused(what string, a answer, status int, word string) {
	r.t.Helper()
	envelope := struct {
		Error, Message, Code string
		Status               int
		Cause                []any
	}{}
	if err := json.Unmarshal(a.body, &envelope); err != nil {
		r.t.Errorf("%s: %d %s", what, a.status, a.body)
		return
	}
	if a.status != status || envelope.Status != status || envelope.Error != word || envelope.Cause == nil {
		r.t.Errorf("%s: %d %s, want %d %s", what, a.status, a.body, status, word)
	}
}

// decoded reads JSON with numbers as text.
func decoded[T any](t testing.TB, body []byte) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// at walks into decoded JSON: names of members and indexes of lists.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("no object at %v of %v: %v", step, path, v)
			}
			v = members[step]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= step {
				t.Fatalf("no element %v of %v: %v", step, path, v)
			}
			v = list[step]
		}
	}
	return v
}
