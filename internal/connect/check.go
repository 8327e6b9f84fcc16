package connect

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Report is what a check of a connection found. Nothing in it is personal.
type Report struct {
	At     time.Time `json:"at"`
	Name   string    `json:"name,omitempty"` // what people call the shop
	Checks []Finding `json:"checks"`
	Mended []Mended  `json:"mended,omitempty"` // the last repairs of the hub, newest first
}

// Finding is the outcome of one check.
type Finding struct {
	Name   string   `json:"name"` // snake_case, stable
	OK     bool     `json:"ok"`
	Code   hub.Code `json:"code,omitempty"`
	Detail string   `json:"detail,omitempty"`
	Hint   string   `json:"hint,omitempty"` // what a person does about it
}

// Mended is something that the hub has put right.
type Mended struct {
	At     time.Time `json:"at"`
	Code   string    `json:"code"`
	Detail string    `json:"detail,omitempty"`
}

// OK reports whether nobody has to do anything.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(f Finding) bool { return !f.OK })
}

const (
	// keepMended is how many repairs a report remembers.
	keepMended = 20
	// Drift of the platform's clock that is worth a word, and that makes signed calls fail (Shopee: 5 minutes).
	driftSoon, driftLate = 30 * time.Second, 4 * time.Minute
	// renewAhead is how long before the end of a grant its owner is told.
	renewAhead = 14 * 24 * time.Hour
	// checkEvery is how often a connection is looked at.
	checkEvery = 6 * time.Hour
)

// Check looks at everything that a connection depends on, mends what the hub can mend, and stores what it found, a platform
// that refuses to answer included. An error is a check that could not be done. KindNotFound: it never had tokens.
func (s *Service) Check(ctx context.Context, id hub.ConnectionID) (*Report, error) {
	stored, err := s.Tokens.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.inspect(ctx, stored)
}

// inspect is Check of what was read.
func (s *Service) inspect(ctx context.Context, stored Stored) (*Report, error) {
	const op = "checking a connection"
	id := stored.Connection
	shop, ok := s.Directory.Shop(id)
	app, known := s.Directory.App(shop.App)
	platform := s.Platforms[shop.Platform]
	if !ok || !known || platform == nil {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Code: CodeAppUnusable, Op: op, Subject: string(id)}
	}
	if pair, err := (sealer{s.Vault}).open(ctx, stored.Tenant, id, stored.Sealed); len(stored.Sealed) > 0 && err == nil {
		if err := pair.by(app.ID, op, id); err != nil {
			return nil, err
		}
	}
	caller, hook := s.Calls.Shop(shop), app.hookFor(shop)
	state, err := platform.Inspect(ctx, caller, app.App, shop.Account)
	if refused(err) {
		return s.fileRefusal(ctx, stored, err)
	}
	if err != nil {
		return nil, err
	}
	repairs, err := platform.Subscriptions(ctx, caller, app.App, shop.Account, hook)
	now := s.Clock()
	report := &Report{At: now, Name: state.Name, Mended: mendedBefore(stored.Report)}
	missing, n := report.mend(now, repairs)
	others, m := report.mend(now, state.Problems)
	report.Checks = append([]Finding{
		finding("active", state.Active, "shop_inactive", "", "The shop is closed or frozen at the platform; its owner has to open it again."),
		scopes(app.Scopes, state.Scopes), drift(state.Now, now),
		finding("currency", state.Currency != "" || shop.Platform != hub.Shopify, "currency_unknown", "", "The platform names no currency for the shop; its orders name their own."),
		window(state.Back), s.reachable(hook, app.Base), renewal(stored, state, now), subscribed(missing, err),
	}, others...)
	return report, s.file(ctx, stored, report, Note{Worked: true, GrantUntil: state.RenewBy, Mended: n + m})
}

// refused reports whether a platform answered that it does not answer: asking again at once would not help, and it is not the
// owner's permission that is missing.
func refused(err error) bool {
	if err == nil || isReconnect(err) {
		return false
	}
	switch hub.KindOf(err) {
	case hub.KindNotFound, hub.KindForbidden, hub.KindUnauthentic, hub.KindInvalid, hub.KindPermanent, hub.KindConflict:
		return true
	}
	return false
}

// fileRefusal stores that the platform refuses to speak about a shop. What was found before is not known any more.
func (s *Service) fileRefusal(ctx context.Context, stored Stored, err error) (*Report, error) {
	r := &Report{At: s.Clock(), Mended: mendedBefore(stored.Report)}
	answer := finding("answer", false, hub.CodeOf(err), "", "The platform refuses to answer for this shop: look at the app and the shop there. It is asked again.")
	switch {
	case hub.KindOf(err) == hub.KindNotFound:
		answer.Code, answer.Hint = "shop_not_found", "The platform does not know the shop any more: it was closed, or has another name now. It is asked again."
	case answer.Code == "":
		answer.Code = hub.Code(hub.KindOf(err).String())
	}
	r.Checks = []Finding{answer}
	return r, s.file(ctx, stored, r, Note{})
}

// file stores a report.
func (s *Service) file(ctx context.Context, stored Stored, r *Report, n Note) error {
	text, err := json.Marshal(r)
	if err != nil {
		return hub.Errorf(hub.KindInternal, "storing a check", "not printable")
	}
	n.ConnectedAt, n.Report, n.CheckedAt = stored.ConnectedAt, text, r.At
	return s.Grants.Note(ctx, stored.Connection, stored.Generation, n)
}

// mend notes what was mended and returns the rest as findings.
func (r *Report) mend(now time.Time, list []driver.Repair) (rest []Finding, mended int) {
	for _, one := range list {
		if !one.Mended {
			rest = append(rest, finding(one.Code, false, hub.Code(one.Code), one.Detail, one.Hint))
			continue
		}
		r.Mended = append([]Mended{{now, one.Code, one.Detail}}, r.Mended...)
		mended++
	}
	r.Mended = r.Mended[:min(len(r.Mended), keepMended)]
	return rest, mended
}

// subscribed says whether the platform sends what the hub needs.
func subscribed(missing []Finding, err error) Finding {
	f := finding("subscriptions", err == nil, "subscriptions_unknown", "", "The platform did not say which webhooks it sends. It is asked again.")
	if len(missing) > 0 {
		var topics []string
		for _, one := range missing {
			topics = append(topics, one.Detail)
		}
		f = Finding{"subscriptions", false, missing[0].Code, strings.Join(topics, " "), missing[0].Hint}
	}
	return f
}

func mendedBefore(report []byte) []Mended {
	var before Report
	if json.Unmarshal(report, &before) != nil {
		return nil
	}
	return before.Mended
}

func finding(name string, ok bool, code hub.Code, detail, hint string) Finding {
	if ok {
		return Finding{Name: name, OK: true}
	}
	return Finding{name, false, code, detail, hint}
}

// scopes holds what was granted against what was asked for. A right to write includes the right to read.
func scopes(asked, granted []string) Finding {
	var missing []string
	for _, want := range asked {
		read, isRead := strings.CutPrefix(want, "read_")
		if granted != nil && !slices.Contains(granted, want) && !(isRead && slices.Contains(granted, "write_"+read)) {
			missing = append(missing, want)
		}
	}
	return finding("scopes", len(missing) == 0, "scope_missing", strings.Join(missing, " "),
		"Connect the shop again and allow everything that the page lists; if the list lacks it, add it to the app at the platform first.")
}

// drift compares the clocks.
func drift(theirs, ours time.Time) Finding {
	off := theirs.Sub(ours).Abs()
	if theirs.IsZero() || off < driftSoon {
		return finding("clock", true, "", "", "")
	}
	hint := "Set this machine's clock by NTP: the platform's differs."
	if off >= driftLate {
		hint = "Set this machine's clock by NTP now: at this difference platforms refuse signed calls."
	}
	return finding("clock", false, "clock_skew", off.Truncate(time.Second).String(), hint)
}

// window says how far back orders can be read.
func window(back time.Duration) Finding {
	days := int(back / (24 * time.Hour))
	if back == 0 || days >= 364 { // a year, as far as drivers can promise one
		return finding("history", true, "", "", "")
	}
	return finding("history", false, "history_short", (time.Duration(days) * 24 * time.Hour).String(),
		"Older orders cannot be read. On Shopify, ask for the scope read_all_orders and connect the shop again.")
}

// reachable judges the address at which webhooks are to arrive. Nothing is called.
func (s *Service) reachable(address, base string) Finding {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return finding("hook", false, "hook_unknown", "", "Set HUB_PUBLIC_URL to the address at which platforms reach this hub.")
	}
	if base != "" { // a sandbox may be on this machine
		return finding("hook", true, "", "", "")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	private := err == nil && (!ip.IsGlobalUnicast() || ip.IsPrivate()) || u.Hostname() == "localhost"
	return finding("hook", u.Scheme == "https" && !private, "hook_not_public", "",
		"Platforms deliver to public https addresses only: set HUB_PUBLIC_URL to one that leads here.")
}

// renewal says when the owner must authorise again.
func renewal(stored Stored, state driver.Shop, now time.Time) Finding {
	by := stored.GrantUntil
	if !state.RenewBy.IsZero() {
		by = state.RenewBy
	}
	return finding("grant", by.IsZero() || by.Sub(now) > renewAhead, "grant_ends", by.UTC().Format(time.RFC3339),
		"The owner's permission ends then: connect the shop again before.")
}

// welcome is the first check of a connection. It begins the work on it; what cannot be done now is done by jobs.
func (s *Service) welcome(ctx context.Context, id hub.ConnectionID) *Report {
	if err := s.start(ctx, id); err != nil { // whoever looks after tokens does it later
		s.Logger.Warn("enqueuing the first jobs of a connection", "connection", id, "error", err)
	}
	report, err := s.Check(ctx, id)
	if err != nil {
		s.Logger.Warn("checking a new connection", "connection", id, "error", err)
		return nil
	}
	return report
}

// start enqueues the first jobs of a connection and notes that it did.
func (s *Service) start(ctx context.Context, id hub.ConnectionID) error {
	stored, err := s.Tokens.Get(ctx, id)
	if err != nil || stored.Started {
		return err
	}
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return &hub.Error{Kind: hub.KindUnavailable, Op: "starting a connection", Subject: string(id)}
	}
	now := s.Clock()
	for kind, due := range map[string]time.Time{JobBackfill: now, JobCheck: now.Add(checkEvery/2 + s.Jitter(checkEvery/2))} {
		if err := s.Work.Enqueue(ctx, shop, kind, due); err != nil {
			return err
		}
	}
	return s.Grants.Note(ctx, id, stored.Generation, Note{Started: true})
}

const (
	startEvery = 5 * time.Second
	// startAfter leaves the hub that talks to the browser the time to do it itself.
	startAfter = 30 * time.Second
)

// Run begins the work on connections, and ends what is left of those that are over, for which a hub that died had not done
// it, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for Pause(ctx, startEvery/2+s.Jitter(startEvery)) {
		list, err := s.Starts.Unstarted(ctx, s.Clock().Add(-startAfter), lookMost)
		for _, id := range list {
			if err = s.start(ctx, id); err != nil {
				break
			}
		}
		if err != nil && ctx.Err() == nil {
			s.Logger.Warn("beginning the work on connections", "error", err)
		}
		if err := s.bury(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Warn("killing the keys of connections that have ended", "error", err)
		}
	}
	return nil
}

// DoCheck is the handler of JobCheck: it checks, and comes back later for as long as the connection's tokens are held to work.
func (s *Service) DoCheck(ctx context.Context, id hub.ConnectionID) error {
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return unheardOf(id)
	}
	stored, err := s.Tokens.Get(ctx, id)
	if err == nil {
		_, err = s.inspect(ctx, stored)
	}
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return nil
	}
	if isReconnect(err) {
		now, failed := s.Tokens.Get(ctx, id)
		switch {
		case failed != nil:
			err = failed
		case !now.lives(): // nothing to look at until the owner comes back, who starts the checks anew
			return nil
		default:
			_, err = s.fileRefusal(ctx, stored, err)
		}
	}
	if err != nil {
		return err
	}
	return s.Work.Enqueue(ctx, shop, JobCheck, s.Clock().Add(checkEvery/2+s.Jitter(checkEvery)))
}
