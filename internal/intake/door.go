package intake

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/wal"
)

// Appender is the log as the door sees it.
type Appender interface {
	// Append returns nil once the payload is durable. It is done with payload when it returns.
	Append(ctx context.Context, payload []byte) (wal.Index, error)
}

// Sealer seals under the keys of this hub, which need no database: *gdpr.IntakeKeys.
type Sealer interface {
	// Use takes a lease: what is sealed under it can be opened as long as it is in the log, if the lease is held until
	// the append has returned, whatever it returned.
	Use() gdpr.IntakeLease
	// Open is gdpr.IntakeKeys.Open.
	Open(p gdpr.Place, envelope []byte) ([]byte, error)
}

// Door accepts deliveries. Verify, seal, append, answer: nothing else happens between a platform and its success.
type Door struct {
	Platforms map[hub.Platform]driver.Storefront
	Directory Directory
	Key       Sealer
	Log       Appender
	Full      func() bool // reports whether the backlog or the disk is above its bound
	Clock     hub.Clock
	IDs       hub.IDSource
	Timeout   time.Duration // for the append; below the platform's own deadline
	// Dropped hears of each delivery that is answered with success and kept by nobody, as its shop has left; nil when nobody
	// counts. It must not block.
	Dropped func(hub.Platform)

	spare sync.Pool // of *buffers
}

// Request is one HTTP delivery, its body already read and bounded.
type Request struct {
	Platform hub.Platform
	Token    string // of the endpoint; never logged
	Header   http.Header
	Body     []byte
}

// Accept returns nil when the delivery is durable in the log, and otherwise only for what has no effect: a probe of the
// address, an unsigned notification that names no shop of ours, and what comes to an app for a shop that has disconnected:
// nobody may keep that any more, and a refusal would cost the app its other shops' deliveries. KindNotFound: no such endpoint.
// KindUnauthentic: not signed by the platform. KindUnavailable: not stored, or not known to be; the platform retries.
func (d *Door) Accept(ctx context.Context, r Request) error {
	const op = "accepting delivery"
	platform, known := d.Platforms[r.Platform]
	endpoint, found := d.Directory.Endpoint(r.Platform, r.Token)
	if !known || !found {
		return &hub.Error{Kind: hub.KindNotFound, Code: "endpoint_unknown", Op: op}
	}
	if len(endpoint.Secrets) == 0 { // they do not open: nothing can be proven, and nothing is the platform's fault
		return &hub.Error{Kind: hub.KindUnavailable, Code: "secrets_unavailable", Op: op}
	}
	notice, err := platform.Verify(driver.Signed{
		Header: r.Header, Body: r.Body, URL: endpoint.HookURL, ClientID: endpoint.ClientID, Secrets: endpoint.Secrets,
	})
	if err != nil || notice.Probe {
		return err
	}
	if err := checkTopic(notice); err != nil {
		return err
	}
	if err := d.room(op); err != nil {
		return err
	}
	endpoint = d.route(platform, endpoint, notice, r.Body)
	if endpoint.Connection == "" && !notice.Duty && d.Directory.Left(endpoint.Platform, endpoint.App, endpoint.Account) {
		if d.Dropped != nil {
			d.Dropped(r.Platform)
		}
		return nil
	}
	if notice.Unproven && endpoint.Connection == "" {
		return nil // from anybody, about nobody: kept, it would be work that a stranger makes
	}
	return d.store(ctx, op, endpoint, driver.Delivery{Notice: notice, Account: endpoint.Account, Body: r.Body, ReceivedAt: d.Clock()})
}

// room refuses work while the backlog or the disk is above its bound.
func (d *Door) room(op string) error {
	if !d.Full() {
		return nil
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: "backlog_full", Op: op, RetryAfter: 30 * time.Second}
}

// store makes the delivery durable. The lease ends after the append: a key that died in between would take with it what the
// platform was told is safe.
func (d *Door) store(ctx context.Context, op string, e Endpoint, delivery driver.Delivery) error {
	b := d.borrow()
	defer d.giveBack(b)
	lease := d.Key.Use()
	defer lease.Done()
	if err := d.seal(b, lease, e, delivery); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	if _, err := d.Log.Append(ctx, b.record); err != nil {
		return logError(op, err)
	}
	return nil
}

// buffers are what one delivery needs between its body and the log. They are used again: under load the collector would
// otherwise take a sixth of the door's time.
type buffers struct{ plain, record []byte }

// keptBuffer bounds what is kept for the next delivery; most are far below, and a rare large one must not stay in memory.
const keptBuffer = 64 << 10

func (d *Door) borrow() *buffers {
	if b, ok := d.spare.Get().(*buffers); ok {
		return b
	}
	return &buffers{}
}

func (d *Door) giveBack(b *buffers) {
	if cap(b.plain) <= keptBuffer && cap(b.record) <= keptBuffer {
		d.spare.Put(b)
	}
}

// route finds the connection that a delivery to an app's endpoint is for. One that names no shop, or an unknown one, is
// accepted for the operator: what was proven to come from the platform is never turned away.
//
// So is a delivery to a connection's endpoint whose header names another shop that this hub knows. A platform signs for all
// shops of an app alike, and a subscription of one shop with the address of another must not put its buyers into the
// other's books. The header is not proven, so it can keep a delivery back and never choose where it goes.
func (d *Door) route(platform driver.Storefront, e Endpoint, n driver.Notice, body []byte) Endpoint {
	if e.Connection != "" {
		if n.Account == "" || n.Account == e.Account {
			return e
		}
		if n.Unproven { // it says itself that it is not for this shop
			return Endpoint{Platform: e.Platform, App: e.App, Tenant: hub.Operator}
		}
		if _, known := d.Directory.Account(e.Platform, "", n.Account); known {
			return Endpoint{Platform: e.Platform, App: e.App, Tenant: hub.Operator}
		}
		return e
	}
	account, err := platform.Account(body)
	if err != nil {
		e.Tenant = hub.Operator
		return e
	}
	if target, ok := d.Directory.Account(e.Platform, e.App, account); ok {
		return target
	}
	e.Tenant, e.Account = hub.Operator, account
	return e
}

// seal puts the record into the buffers.
func (d *Door) seal(b *buffers, lease gdpr.IntakeLease, e Endpoint, delivery driver.Delivery) error {
	h := Head{
		Platform: e.Platform, App: e.App, Tenant: e.Tenant, Connection: e.Connection,
		ReceivedAt: delivery.ReceivedAt, Nonce: d.IDs(),
	}
	b.plain = appendDelivery(b.plain[:0], delivery)
	b.record = h.append(b.record[:0])
	sealed, err := lease.Seal(b.record, h.place(b.record), b.plain)
	if err == nil {
		b.record = sealed
	}
	return err
}

// logError makes every trouble of the log retryable for the platform; what was too large for it is not.
func logError(op string, err error) error {
	if errors.Is(err, wal.ErrTooLarge) {
		return &hub.Error{Kind: hub.KindTooLarge, Code: "body_too_large", Op: op}
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: "log_unavailable", Op: op, Err: err}
}
