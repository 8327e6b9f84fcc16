package hubtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"hub/adapters/sandbox/shopee"
)

// stage is where a refresh was when its hub was killed.
type stage string

// The stages, in their order. The toll holds calls at those of the platform.
const (
	leased    stage = "leased"    // the hub held the lease and had written nothing
	intended  stage = "intended"  // the intention was durable, and nobody had taken it on
	begun     stage = "begun"     // somebody had taken it on, and the platform had seen nothing
	untouched stage = "untouched" // the platform had the call, and had done nothing
	spent     stage = "spent"     // the platform had made the next pair, and nothing of it was on its way
	half      stage = "half"      // half of the answer was on its way
	answered  stage = "answered"  // the answer was durable, or on its last way there, and not taken in
)

// toll stands before a platform: it holds refresh calls where a kill is to fall, and counts what the platform said.
type toll struct {
	next http.Handler
	end  func(account string) error // of the platform, when it can end access tokens by itself
	see  func(*http.Request, []byte) (end func())
	life time.Duration // of access tokens, as the platform tells it; 0 leaves what it says

	mu     sync.Mutex
	draw   func() stage      // where the next call is held; nil: nowhere
	visits map[string]*visit // of this round, by account
	dead   map[string]bool   // access tokens that we have ended
	issued map[string]string // the newest access token of an account
	worked map[string]string // the one with which the last call succeeded
	pairs  map[string]int    // that the platform made, by account
	denied int               // refreshes that it refused
	cut    int               // refresh calls whose caller died before the platform saw them
}

// visit is a refresh call that came.
type visit struct {
	at   stage // where it is held; "" nowhere
	held bool
	free chan struct{}
}

func newToll(p platform) *toll {
	t := &toll{
		next: p.Control(), visits: map[string]*visit{}, dead: map[string]bool{}, issued: map[string]string{}, worked: map[string]string{},
		pairs: map[string]int{},
	}
	if s, ok := p.(interface {
		EndAccess(clientID, shop string) error
	}); ok {
		t.end = func(account string) error { return s.EndAccess(p.app().ClientID, account) }
	}
	return t
}

var _ interface{ EndAccess(string, string) error } = (*shopee.Platform)(nil)

// arm holds refresh calls from now on, each where draw says.
func (t *toll) arm(draw func() stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.draw = draw
	t.visits = map[string]*visit{}
}

// release lets everything go on, and holds nothing any more.
func (t *toll) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.draw = nil
	for _, v := range t.visits {
		if v.held {
			v.held = false
			close(v.free)
		}
	}
}

// held counts the calls that are held.
func (t *toll) held() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range t.visits {
		if v.held {
			n++
		}
	}
	return n
}

// where says how far the call of an account has come; "" when none has.
func (t *toll) where(account string) stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.visits[account]
	switch {
	case v == nil:
		return ""
	case v.held:
		return v.at
	}
	return answered
}

// expire ends the access token of an account.
func (t *toll) expire(account string) error {
	if t.end != nil {
		return t.end(account)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dead[t.issued[account]] = true
	return nil
}

// made counts the pairs of an account, and says whether a call with the newest has succeeded.
func (t *toll) made(account string) (pairs int, works bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pairs[account], t.issued[account] != "" && t.issued[account] == t.worked[account]
}

// seen reports whether a call for an account has succeeded.
func (t *toll) seen(account string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.worked[account] != ""
}

// ServeHTTP is the platform's addresses.
func (t *toll) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if t.see != nil {
		defer t.see(r, body)()
	}
	kind, account := tokenCall(r.URL.Path, body)
	if kind == refreshing {
		t.refresh(w, r, account)
		return
	}
	account, access := bearer(r)
	if kind == other && access == "" {
		t.next.ServeHTTP(w, r)
		return
	}
	t.mu.Lock()
	dead := t.dead[access]
	t.mu.Unlock()
	if dead {
		r.Header.Set("Authorization", "Bearer APP_USR-0-0-0-0")
	}
	answer := httptest.NewRecorder()
	t.next.ServeHTTP(answer, r)
	text := answer.Body.Bytes()
	if kind == exchanging {
		text = t.keep(text)
	} else if taken(answer) {
		t.mu.Lock()
		t.worked[account] = access
		t.mu.Unlock()
	}
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(text) // the reader is gone or not
}

// taken reports whether a platform did what it was asked for.
func taken(answer *httptest.ResponseRecorder) bool {
	var told struct{ Error string }
	return answer.Code == http.StatusOK && (json.Unmarshal(answer.Body.Bytes(), &told) != nil || told.Error == "")
}

// refresh passes one refresh call on, with the stops that were drawn for it.
func (t *toll) refresh(w http.ResponseWriter, r *http.Request, account string) {
	v := &visit{free: make(chan struct{})}
	t.mu.Lock()
	if t.draw != nil {
		v.at = t.draw()
		t.visits[account] = v
	}
	t.mu.Unlock()
	if !t.stop(r.Context(), v, untouched) {
		t.mu.Lock()
		t.cut++
		t.mu.Unlock()
		return
	}
	answer := httptest.NewRecorder()
	t.next.ServeHTTP(answer, r)
	text := t.keep(answer.Body.Bytes())
	if !t.stop(r.Context(), v, spent) {
		return
	}
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(text[:len(text)/2])
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	if t.stop(r.Context(), v, half) {
		_, _ = w.Write(text[len(text)/2:])
	}
}

// stop holds a call, if this is where; false when its caller died meanwhile.
func (t *toll) stop(ctx context.Context, v *visit, here stage) bool {
	t.mu.Lock()
	v.held = v.at == here && t.draw != nil
	held := v.held
	t.mu.Unlock()
	if !held {
		return true
	}
	select {
	case <-v.free:
		return true
	case <-ctx.Done():
		return false
	}
}

// expiresIn is how the platforms tell the life of an access token.
var expiresIn = regexp.MustCompile(`("expires?_in": *)[0-9]+`)

// keep notes the pair in an answer, and returns the answer as it goes out.
func (t *toll) keep(text []byte) []byte {
	var pair struct {
		Access string      `json:"access_token"`
		Shop   json.Number `json:"shop_id"`
		User   json.Number `json:"user_id"`
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if json.Unmarshal(text, &pair) != nil || pair.Access == "" {
		t.denied++
		return text
	}
	account := pair.Shop.String() + pair.User.String() // Shopee's first answer names no shop: the next one does
	t.issued[account] = pair.Access
	t.pairs[account]++
	if t.life > 0 {
		text = expiresIn.ReplaceAll(text, fmt.Appendf(nil, "${1}%d", t.life/time.Second))
	}
	return text
}

// What a call is to the tokens of a shop.
const (
	other = iota
	exchanging
	refreshing
)

// tokenCall reads whether a call exchanges a code or refreshes, and for whom.
func tokenCall(path string, body []byte) (kind int, account string) {
	switch {
	case strings.HasSuffix(path, "/auth/access_token/get"):
		var in struct {
			Shop json.Number `json:"shop_id"`
		}
		_ = json.Unmarshal(body, &in) // the platform refuses what is none
		return refreshing, in.Shop.String()
	case strings.HasSuffix(path, "/auth/token/get"):
		return exchanging, ""
	case strings.HasSuffix(path, "/oauth/token"):
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("grant_type") != "refresh_token" {
			return exchanging, ""
		}
		_, user, _ := strings.Cut(strings.TrimPrefix(form.Get("refresh_token"), "TG-"), "-")
		return refreshing, user
	}
	return other, ""
}

// bearer reads who speaks, and with which access token.
func bearer(r *http.Request) (account, access string) {
	if q := r.URL.Query(); q.Has("access_token") {
		return q.Get("shop_id"), q.Get("access_token")
	}
	access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer APP_USR-")
	if !ok {
		return "", ""
	}
	return access[strings.LastIndexByte(access, '-')+1:], "APP_USR-" + access
}
