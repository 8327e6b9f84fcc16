package mercadolibre

import (
	"slices"
	"time"
)

// State is the platform at a glance.
type State struct {
	Now        time.Time      `json:"now"`
	Sellers    []SellerState  `json:"sellers"`
	Apps       []AppState     `json:"apps"`
	Deliveries map[string]int `json:"deliveries"` // by state
	Missed     int            `json:"missed"`     // missed feeds that are kept
	Faults     map[Fault]int  `json:"faults"`     // played
	Notices    []Notice       `json:"notices"`
	Due        int            `json:"due"` // tasks that wait for their time
	recent     []Sent
}

// SellerState is one seller at a glance.
type SellerState struct {
	Account  string   `json:"account"`
	Nickname string   `json:"nickname"`
	Site     string   `json:"site"`
	Currency string   `json:"currency"`
	Standing Standing `json:"standing"`
	Orders   int      `json:"orders"`
	Apps     []string `json:"apps"` // client ids with a grant
}

// AppState is one app at a glance.
type AppState struct {
	ClientID  string   `json:"client_id"`
	Name      string   `json:"name"`
	NotifyURL string   `json:"notify_url"`
	On        []string `json:"topics_on"`
	Off       []string `json:"topics_off"` // switched off after failures
}

// shownDeliveries is how many of the newest the index page lists.
const shownDeliveries = 50

// State takes a look at the platform.
func (p *Platform) State() State {
	p.line.Lock()
	defer p.line.Unlock()
	s := State{
		Now: p.line.Time(), Sellers: []SellerState{}, Apps: []AppState{}, Deliveries: map[string]int{}, Faults: p.faults.Played(),
		Notices: append([]Notice{}, p.notices...), Due: p.line.Due(), Missed: len(p.missed),
	}
	for _, d := range p.sent {
		s.Deliveries[d.State]++
	}
	for _, d := range slices.Backward(p.sent[max(0, len(p.sent)-shownDeliveries):]) {
		s.recent = append(s.recent, *d)
	}
	for _, who := range p.sellers {
		row := SellerState{who.account(), who.nickname, who.site.id, who.site.currency, who.standing, len(who.orders), []string{}}
		for _, g := range who.grants {
			row.Apps = append(row.Apps, g.app.spec.ClientID)
		}
		s.Sellers = append(s.Sellers, row)
	}
	for _, a := range p.apps {
		s.Apps = append(s.Apps, a.state())
	}
	return s
}

func (a *App) state() AppState {
	s := AppState{ClientID: a.spec.ClientID, Name: a.spec.Name, NotifyURL: a.spec.NotifyURL, On: []string{}, Off: []string{}}
	for _, t := range a.spec.Topics {
		if a.topics[t].off {
			s.Off = append(s.Off, t)
		} else {
			s.On = append(s.On, t)
		}
	}
	return s
}
