package shopee

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"hub"
	"hub/adapters/sandbox/stage"
)

// AppSpec describes an app as its developer has configured it in the console.
type AppSpec struct {
	ClientID string // partner id: a number up to 4294967295
	Key      string // partner key: its characters sign calls
	PushKey  string // signs pushes; "" is Key. Newer consoles show one of its own (U: which one signs)
	Name     string // what sellers read

	// Domains are the hosts, with the port where the address has one, that the way back may lead to.
	Domains []string
	PushURL string  // callback of pushes; its bytes are what a push's signature is over
	Codes   []int64 // pushes that are on; nil is all that there are here

	// Clear shows personal data, as apps with a list of addresses and the reports may see it; otherwise it is starred.
	Clear bool
	// Barred are the paths that the app's type has no right to.
	Barred []string
}

// App is an app on the platform.
type App struct {
	spec    AppSpec
	id      int64
	on      map[int64]bool // push codes
	blocked []int64        // shops whose pushes are not sent
	health  health
	lost    []*lostPush
	buckets map[*store]*bucket // nil is the app's own
	day     int64              // in UTC+8
	calls   int                // of that day
}

// pushCodes are the codes that this platform sends, and those that can be switched but never come.
func pushCodes() []int64 {
	return []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 22, 23, 24, 25, 29, 30, 47}
}

// AddApp registers an app. A partner id that exists or is none, an empty key, or a push address that the platform does not
// take, is KindInvalid.
func (p *Platform) AddApp(spec AppSpec) (*App, error) {
	p.line.Lock()
	defer p.line.Unlock()
	id, err := strconv.ParseInt(spec.ClientID, 10, 64)
	if err != nil || id <= 0 || id > maxID || spec.ClientID != strconv.FormatInt(id, 10) || spec.Key == "" || p.app(id) != nil {
		return nil, hub.Errorf(hub.KindInvalid, "adding an app", "a new partner id and a key are needed")
	}
	if spec.PushURL != "" && !p.reachable(spec.PushURL) {
		return nil, hub.Errorf(hub.KindInvalid, "adding an app", "its push address must be https")
	}
	a := &App{spec: spec, id: id, on: map[int64]bool{}, buckets: map[*store]*bucket{}}
	codes := spec.Codes
	if codes == nil {
		codes = pushCodes()
	}
	for _, code := range codes {
		a.on[code] = true
	}
	p.apps = append(p.apps, a)
	return a, nil
}

func (p *Platform) app(id int64) *App {
	i := slices.IndexFunc(p.apps, func(a *App) bool { return a.id == id })
	if i < 0 {
		return nil
	}
	return p.apps[i]
}

// named finds an app by the text of its partner id.
func (p *Platform) named(clientID string) *App {
	i := slices.IndexFunc(p.apps, func(a *App) bool { return a.spec.ClientID == clientID })
	if i < 0 {
		return nil
	}
	return p.apps[i]
}

// SetPushURL changes where an app's pushes go, as the console does. What is under way goes where it was meant to go (U).
func (p *Platform) SetPushURL(clientID, address string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.named(clientID)
	if a == nil {
		return notFound("setting a push address", "app")
	}
	if !p.reachable(address) {
		return hub.Errorf(hub.KindInvalid, "setting a push address", "it must be https")
	}
	a.spec.PushURL = address
	return nil
}

// SetKeys changes the partner key and the push key at once: Shopee's keys have no overlap (U).
func (p *Platform) SetKeys(clientID, key, pushKey string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.named(clientID)
	if a == nil || key == "" {
		return notFound("changing keys", "app")
	}
	a.spec.Key, a.spec.PushKey = key, pushKey
	return nil
}

// reachable reports whether an address is one that the platform sends to, or sends people to.
func (p *Platform) reachable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		return false
	}
	return u.Scheme == "https" || p.o.Loopback && u.Scheme == "http" && stage.IsLoopback(u.Hostname())
}

// may reports whether a redirect leads to a domain that the app has registered.
func (a *App) may(redirect string) bool {
	u, err := url.Parse(redirect)
	return err == nil && slices.Contains(a.spec.Domains, u.Host)
}

// pushKey signs the app's pushes.
func (a *App) pushKey() string {
	if a.spec.PushKey != "" {
		return a.spec.PushKey
	}
	return a.spec.Key
}

// codes lists the pushes that are on, or those that are off.
func (a *App) codes(on bool) (list []int64) {
	for _, code := range pushCodes() {
		if a.on[code] == on {
			list = append(list, code)
		}
	}
	return list
}

// Apps lists the partner ids, in the order of their making.
func (p *Platform) Apps() (ids []string) {
	p.line.Lock()
	defer p.line.Unlock()
	for _, a := range p.apps {
		ids = append(ids, a.spec.ClientID)
	}
	return ids
}

// Notices lists the e-mails to developers, the oldest first.
func (p *Platform) Notices() []Notice {
	p.line.Lock()
	defer p.line.Unlock()
	return slices.Clone(p.notices)
}

// Faults counts the faults that were played.
func (p *Platform) Faults() map[Fault]int {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Played()
}

func notFound(op, what string) error {
	return hub.Errorf(hub.KindNotFound, op, "no such %s", what)
}

// quotaDay is the day of the daily quota, which begins at 00:00 in UTC+8.
func quotaDay(t time.Time) int64 { return (t.Unix() + 8*3600) / 86_400 }
