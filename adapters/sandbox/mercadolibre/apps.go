package mercadolibre

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"hub"
)

// AppSpec describes an app as its developer has configured it.
type AppSpec struct {
	ClientID  string   // digits
	Secret    string   // RotateSecret changes it
	Name      string   // what sellers read
	Redirects []string // allowed redirect_uri values, compared byte for byte
	PKCE      bool     // the console's switch: from then on nothing goes without a challenge
	Scopes    []string // of what it was ticked: read, write, offline_access; empty is all three

	NotifyURL string   // one address for the notifications of all sellers; "" for none
	Topics    []string // that are ticked; empty is all that this platform tells of

	// RequestsPerHour is the budget, 18000 when 0: the figure that GET /applications/{id} prints in the documentation. It is
	// spread evenly, with a hundred seconds' worth at once (U: nothing says how it is counted).
	RequestsPerHour int
	// SwitchOffAfter is how many notifications of one topic have to be lost in a row until it is switched off, 100 when 0
	// (U: that topics which fail are switched off is documented, and no number is).
	SwitchOffAfter int
}

// App is an app on the platform.
type App struct {
	spec   AppSpec
	topics map[string]*topicState
	level  int64 // requests that are left, times 3600
	as     time.Time
}

// topicState is what became of one topic of an app.
type topicState struct {
	off  bool
	lost int // in a row
}

const (
	offline         = "offline_access"
	usualPerHour    = 18_000
	usualSwitchOff  = 100
	burst           = 100 // seconds' worth of requests that can be made at once
	oneRequest      = 3600
	firstUser       = 465_000_000
	opAddApp        = "adding an app"
	opAddSeller     = "adding a seller"
	withoutInactive = 4 // months without a call, after which a grant ends
)

// AddApp registers an app. A client id that exists or is no number, or no secret, is KindInvalid.
func (p *Platform) AddApp(spec AppSpec) (*App, error) {
	p.line.Lock()
	defer p.line.Unlock()
	if _, err := strconv.ParseInt(spec.ClientID, 10, 64); err != nil || spec.Secret == "" || p.app(spec.ClientID) != nil {
		return nil, hub.Errorf(hub.KindInvalid, opAddApp, "a new client id of digits and a secret are needed")
	}
	for _, t := range spec.Topics {
		if !slices.Contains(topics[:], t) {
			return nil, hub.Errorf(hub.KindInvalid, opAddApp, "one of the topics is not told here")
		}
	}
	if len(spec.Scopes) == 0 {
		spec.Scopes = []string{offline, "read", "write"}
	}
	if len(spec.Topics) == 0 {
		spec.Topics = topics[:]
	}
	spec.RequestsPerHour = orElse(spec.RequestsPerHour, usualPerHour)
	spec.SwitchOffAfter = orElse(spec.SwitchOffAfter, usualSwitchOff)
	a := &App{spec: spec, topics: map[string]*topicState{}, level: int64(spec.RequestsPerHour) * burst, as: p.line.Time()}
	for _, t := range spec.Topics {
		a.topics[t] = &topicState{}
	}
	p.apps = append(p.apps, a)
	return a, nil
}

func orElse(n, usual int) int {
	if n == 0 {
		return usual
	}
	return n
}

func (p *Platform) app(clientID string) *App {
	i := slices.IndexFunc(p.apps, func(a *App) bool { return a.spec.ClientID == clientID })
	if i < 0 {
		return nil
	}
	return p.apps[i]
}

// NotifyAt sets the address for an app's notifications, as the app's owner does in its configuration.
func (p *Platform) NotifyAt(clientID, uri string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.app(clientID)
	if a == nil {
		return notFound("setting an address", "app")
	}
	a.spec.NotifyURL = uri
	return nil
}

// SwitchOn ticks a topic again that was switched off. What happened in between is not told any more.
func (p *Platform) SwitchOn(clientID, topic string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.app(clientID)
	if a == nil || a.topics[topic] == nil {
		return notFound("switching a topic on", "app or topic")
	}
	*a.topics[topic] = topicState{}
	return nil
}

// charge takes one request from the app's budget; false when there is none left.
func (p *Platform) charge(a *App) bool {
	if p.o.Unlimited {
		return true
	}
	perHour := int64(a.spec.RequestsPerHour)
	passed := min(p.line.Time().Sub(a.as), burst*time.Second)
	if gained := perHour * int64(passed/time.Microsecond) / 1_000_000; gained > 0 {
		a.level, a.as = min(a.level+gained, perHour*burst), p.line.Time()
	}
	if a.level < oneRequest {
		return false
	}
	a.level -= oneRequest
	return true
}

// seller is one user of the platform who sells.
type seller struct {
	id       int64
	site     *site
	nickname string
	since    time.Time
	orders   []*order
	grants   []*grant
	standing Standing
}

// Standing says what the platform makes of a user.
type Standing string

// The standings.
const (
	Active  Standing = "active"
	Blocked Standing = "blocked" // every call is refused with 403
	Gone    Standing = "gone"    // for legal reasons: every call is refused with 451
)

// grant is what a user lets an app do.
type grant struct {
	app    *App
	seller *seller
	scopes []string
	at     time.Time
	used   time.Time // the last call with one of its tokens
}

// SellerSpec describes a seller.
type SellerSpec struct {
	Nickname string // made up when empty
	Site     string // one of Sites, MLB when empty
}

// AddSeller lets a user sell and returns the account, which is the user's id in digits.
func (p *Platform) AddSeller(spec SellerSpec) (account string, err error) {
	p.line.Lock()
	defer p.line.Unlock()
	if spec.Site == "" {
		spec.Site = "MLB"
	}
	where := siteOf(spec.Site)
	if where == nil {
		return "", hub.Errorf(hub.KindInvalid, opAddSeller, "the site is not one of %s", strings.Join(Sites(), ", "))
	}
	s := &seller{id: p.id("user", firstUser), site: where, nickname: spec.Nickname, since: p.told(), standing: Active}
	if s.nickname == "" {
		s.nickname = nickname(people[len(p.sellers)%len(people)].first, s.id)
	}
	p.sellers = append(p.sellers, s)
	return s.account(), nil
}

func (s *seller) account() string { return digitsOf(s.id) }

// seller finds one by the id in digits.
func (p *Platform) seller(account string) *seller {
	i := slices.IndexFunc(p.sellers, func(s *seller) bool { return s.account() == account })
	if i < 0 {
		return nil
	}
	return p.sellers[i]
}

func (s *seller) grant(a *App) *grant {
	i := slices.IndexFunc(s.grants, func(g *grant) bool { return g.app == a })
	if i < 0 {
		return nil
	}
	return s.grants[i]
}

// alive says whether the grant still counts: the platform ends one that made no call for four months.
func (g *grant) alive(now time.Time) bool { return now.Before(g.used.AddDate(0, withoutInactive, 0)) }

// SetStanding changes what the platform makes of a user.
func (p *Platform) SetStanding(account string, s Standing) error {
	p.line.Lock()
	defer p.line.Unlock()
	who := p.seller(account)
	if who == nil {
		return notFound("changing a user's standing", "seller")
	}
	if s != Active && s != Blocked && s != Gone {
		return hub.Errorf(hub.KindInvalid, "changing a user's standing", "active, blocked or gone")
	}
	who.standing = s
	return nil
}

func notFound(op, what string) error {
	return hub.Errorf(hub.KindNotFound, op, "no such %s", what)
}
