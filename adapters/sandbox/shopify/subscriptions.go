package shopify

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub/adapters/sandbox/stage"
)

// Subscription is one that an app made through the Admin API. Eight consecutive failures remove it.
type Subscription struct {
	ID       int64
	Topic    string
	URI      string
	Version  string // of its bodies: that of the request which made it
	Created  time.Time
	Failures int // consecutive
	removed  bool
}

// Notice is an e-mail to an app's emergency developer address.
type Notice struct {
	At    time.Time `json:"at"`
	Shop  string    `json:"shop"`
	Topic string    `json:"topic"`
	Text  string    `json:"text"`
}

// removeAfter is how many consecutive failures remove a subscription that was made through the Admin API. Every failed
// attempt counts, whichever delivery it belongs to (U: the documentation says failures and not of what).
const removeAfter = 8

// unapprovedTopic is what an app reads that has no approval for protected customer data (U: that it is a user error).
const unapprovedTopic = "This app is not approved to subscribe to webhook topics containing protected customer data."

// subscribe makes a subscription, or says what is wrong with it in the words of the real platform.
func (p *Platform) subscribe(i *install, topic, uri, version string) (*Subscription, string) {
	if problem := p.checkAddress(uri); problem != "" {
		return nil, problem
	}
	if !i.mayHear(topic) {
		return nil, "You do not have permission to create or update webhooks with " + topic + " topic. Missing required access scopes." // (U)
	}
	if protected(topic) && !i.app.spec.Customers {
		return nil, unapprovedTopic
	}
	if slices.ContainsFunc(i.subs, func(s *Subscription) bool { return s.Topic == topic && s.URI == uri }) {
		return nil, "Address for this topic has already been taken"
	}
	s := &Subscription{ID: i.store.Shop.id(), Topic: topic, URI: uri, Version: version, Created: p.line.Time()}
	i.subs = append(i.subs, s)
	return s, ""
}

// checkAddress refuses what the real platform refuses. Pub/Sub and EventBridge addresses are not served here.
func (p *Platform) checkAddress(uri string) string {
	if strings.TrimSpace(uri) == "" {
		return "Address can't be blank"
	}
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User != nil {
		return "Address is invalid" // (U)
	}
	host := strings.ToLower(u.Hostname())
	if p.o.Loopback && stage.IsLoopback(host) && (u.Scheme == "http" || u.Scheme == "https") {
		return ""
	}
	if u.Scheme != "https" {
		return "Address protocol " + u.Scheme + ":// is not supported"
	}
	address, err := netip.ParseAddr(host)
	internal := err == nil && (address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsUnspecified())
	if internal || stage.IsLoopback(host) || host == "shopify.com" || strings.HasSuffix(host, ".shopify.com") || strings.HasSuffix(host, ".myshopify.com") {
		return "Address cannot be a Shopify or an internal domain"
	}
	return ""
}

// unsubscribe removes a subscription; false when the installation has none of that id.
func (i *install) unsubscribe(id int64) bool {
	at := slices.IndexFunc(i.subs, func(s *Subscription) bool { return s.ID == id })
	if at < 0 {
		return false
	}
	i.subs[at].removed = true
	i.subs = slices.Delete(i.subs, at, at+1)
	return true
}

// judge books the outcome of an attempt to a subscription, and removes it at the eighth failure in a row.
func (p *Platform) judge(i *install, s *Subscription, ok bool) {
	if s == nil || s.removed {
		return
	}
	if ok {
		s.Failures = 0
		return
	}
	if s.Failures++; s.Failures >= removeAfter {
		i.unsubscribe(s.ID)
		p.notices = append(p.notices, Notice{p.line.Time(), i.store.Domain, s.Topic, "The subscription was removed after 8 consecutive failures."})
	}
}

// Subscriptions lists what an app has subscribed to in a shop through the Admin API.
func (p *Platform) Subscriptions(clientID, domain string) (list []Subscription) {
	p.line.Lock()
	defer p.line.Unlock()
	s, a := p.shop(domain), p.app(clientID)
	if s == nil || a == nil || s.installed(a) == nil {
		return nil
	}
	for _, sub := range s.installed(a).subs {
		list = append(list, *sub)
	}
	return list
}

// Notices lists the e-mails that were sent to developers.
func (p *Platform) Notices() []Notice {
	p.line.Lock()
	defer p.line.Unlock()
	return slices.Clone(p.notices)
}
