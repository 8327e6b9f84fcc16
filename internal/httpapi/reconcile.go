package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hub"
	"hub/internal/reconcile"
	"hub/internal/tenancy"
)

// Reconciliations says whether the hub has every order: *reconcile.Service.
type Reconciliations interface {
	// Ask leaves a look at a day to the queue, and returns the newest revision that there is already.
	Ask(ctx context.Context, n reconcile.Name, d reconcile.Day) (after int64, err error)
	// Statement returns one with its signature.
	Statement(ctx context.Context, t hub.TenantID, id reconcile.ID) (reconcile.Signed, error)
	// List returns up to limit of them after an id, in the order of ids.
	List(ctx context.Context, t hub.TenantID, f reconcile.Filter, after reconcile.ID, limit int) ([]reconcile.Entry, error)
	// Public is the key that verifies new ones.
	Public() reconcile.PublicKey
}

func (s *server) reconciliations() {
	const tag = "Reconciliations"
	register(s, operation{
		id: "list-reconciliations", method: http.MethodGet, path: "/v1/reconciliations", tag: tag, roles: readers(),
		summary: "List statements of days",
		description: "For each shop and UTC day: whether the hub has every order that the platform lists. Statements are never changed; of one day the one " +
			"with the highest revision counts. Days are looked at by themselves after they have ended, and again as long as they are not equal.",
		errors: []int{http.StatusNotFound},
	}, s.listReconciliations)
	register(s, operation{
		id: "get-reconciliation", method: http.MethodGet, path: "/v1/reconciliations/{id}", tag: tag, roles: readers(),
		summary: "Read one statement with its signature",
		description: "The signature (Ed25519) covers the exact bytes of the compact JSON of the member statement. Keep the answer as it is: " +
			"`hub reconcile verify` checks it offline.",
		errors: []int{http.StatusNotFound},
	}, s.oneReconciliation)
	register(s, operation{
		id: "list-reconciliation-keys", method: http.MethodGet, path: "/v1/reconciliations/keys", tag: tag, roles: readers(),
		summary: "The key that verifies statements", description: "Fetch it once over a channel that you trust, and keep it.",
		errors: []int{http.StatusUnprocessableEntity},
	}, s.reconciliationKeys)
	register(s, operation{
		id: "ask-reconciliation", method: http.MethodPost, path: "/v1/reconciliations", tag: tag, roles: shopkeepers(),
		summary: "Have a day looked at now",
		description: "The answer comes at once, the statement as soon as the platform was asked: list the statements of the shop and day until there is one " +
			"of a higher revision than after_revision whose fetching is 0. Of today it is about the time until ten minutes ago.",
		status: http.StatusAccepted, errors: []int{http.StatusNotFound, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}, s.askReconciliation)
}

// reconciliation is a row of the list.
type reconciliation struct {
	ReconciliationID string          `json:"reconciliation_id" example:"rec_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	ConnectionID     string          `json:"connection_id"`
	Day              reconcile.Day   `json:"day" doc:"In UTC" example:"2026-11-20"`
	Revision         int64           `json:"revision" doc:"Counts the statements of this shop and day, from 1"`
	State            reconcile.State `json:"state" enum:"equal,different,unknown"`
	Code             hub.Code        `json:"code,omitempty" doc:"Why it is unknown; newer_at_hub: why an equal one is looked at again"`
	WholeDay         bool            `json:"whole_day" doc:"False while the day went on"`
	MadeAt           time.Time       `json:"made_at"`
	Open             int             `json:"open" doc:"Differences that are not repaired"`
	Fetching         int             `json:"fetching" doc:"Orders that are fetched again because of it; when it is not 0, the next revision follows within moments"`
}

func showReconciliation(e reconcile.Entry) reconciliation {
	return reconciliation{
		string(e.ID), string(e.Connection), e.Day, e.Revision, e.State, e.Code, e.WholeDay, e.MadeAt.UTC(), e.Open, e.Fetching,
	}
}

type reconciliationsQuery struct {
	TenantParameter
	Connection string `query:"connection_id" maxLength:"64" doc:"Of this connection"`
	From       string `query:"day_from" format:"date" doc:"Of this UTC day or later" example:"2026-11-01"`
	To         string `query:"day_to" format:"date" doc:"Of this UTC day or earlier" example:"2026-11-30"`
	State      string `query:"state" enum:"equal,different,unknown" doc:"In this state"`
	Page
}

func (s *server) listReconciliations(ctx context.Context, c caller, in *reconciliationsQuery) (*listAnswer[reconciliation], error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	l := listing{"reconciliations", t, []string{in.Connection, in.From, in.To, in.State}}
	after, err := l.after(in.Cursor)
	if err != nil {
		return nil, err
	}
	f := reconcile.Filter{
		Connection: hub.ConnectionID(in.Connection), From: reconcile.Day(in.From), To: reconcile.Day(in.To), State: reconcile.State(in.State),
	}
	rows, err := s.Reconciliations.List(ctx, t, f, reconcile.ID(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	id := func(e reconcile.Entry) string { return string(e.ID) }
	parameters := url.Values{"tenant": {in.Tenant}, "connection_id": {in.Connection}, "day_from": {in.From}, "day_to": {in.To}, "state": {in.State}}
	return list(l, "/v1/reconciliations", parameters, in.Limit, rows, id, showReconciliation), nil
}

// signedText is a statement as it was signed, passed on byte for byte.
type signedText json.RawMessage

// MarshalJSON prints the text itself.
func (t signedText) MarshalJSON() ([]byte, error) { return t, nil }

// Schema is the one of reconcile.Statement, which the text was printed from.
func (signedText) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[reconcile.Statement](), true, "Statement")
}

// signedStatement is a statement with what proves it.
type signedStatement struct {
	Statement signedText `json:"statement"`
	KeyID     string     `json:"key_id" doc:"The beginning of the key's SHA-256 in hexadecimal" example:"5b1f0c2d9e8a7766"`
	PublicKey string     `json:"public_key" doc:"Ed25519, 32 bytes in base64. Believe the one that you fetched yourself."`
	Signature string     `json:"signature" doc:"Ed25519 over the compact JSON of statement, 64 bytes in base64"`
}

type signedAnswer struct {
	Body signedStatement
}

func (s *server) oneReconciliation(ctx context.Context, c caller, in *struct {
	ID string `path:"id" maxLength:"64" doc:"The statement's id" example:"rec_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	TenantParameter
}) (*signedAnswer, error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	signed, err := s.Reconciliations.Statement(ctx, t, reconcile.ID(in.ID))
	if err != nil {
		return nil, missing(err, "reconciliation_not_found")
	}
	return &signedAnswer{signedStatement{signedText(signed.Statement), signed.KeyID, signed.PublicKey, signed.Signature}}, nil
}

// statementKey is a key that verifies statements.
type statementKey struct {
	KeyID     string `json:"key_id"`
	Algorithm string `json:"algorithm" enum:"Ed25519"`
	PublicKey string `json:"public_key" doc:"32 bytes in base64"`
	PEM       string `json:"pem" doc:"The same as other programs read it"`
}

type statementKeys struct {
	Body struct {
		Data []statementKey `json:"data" nullable:"false"`
	}
}

func (s *server) reconciliationKeys(context.Context, caller, *struct{}) (*statementKeys, error) {
	key := s.Reconciliations.Public()
	text, err := key.PEM()
	if err != nil {
		return nil, err
	}
	out := &statementKeys{}
	out.Body.Data = []statementKey{{key.ID(), "Ed25519", key.Text(), text}}
	return out, nil
}

type newReconciliation struct {
	IdempotencyKey
	Body struct {
		ConnectionID string `json:"connection_id" minLength:"1" maxLength:"64" doc:"Which shop" example:"con_01j9z3k6m8q0r2t4v6x8z0b2d4"`
		Day          string `json:"day" format:"date" doc:"Which UTC day" example:"2026-11-20"`
	}
}

// askedReconciliation is what to wait for.
type askedReconciliation struct {
	ConnectionID  string        `json:"connection_id"`
	Day           reconcile.Day `json:"day"`
	AfterRevision int64         `json:"after_revision" doc:"The newest revision so far, 0 when there is none: what was asked for is a later one"`
}

type askedAnswer struct {
	Location string `header:"Location" doc:"Where the statements of the shop and day are listed"`
	Body     askedReconciliation
}

func (s *server) askReconciliation(ctx context.Context, c caller, in *newReconciliation) (*askedAnswer, error) {
	found, err := s.ownConnection(c, in.Body.ConnectionID)
	if err != nil {
		return nil, err
	}
	day, err := reconcile.ParseDay(in.Body.Day)
	if err != nil {
		return nil, err
	}
	after, err := s.Reconciliations.Ask(ctx, reconcile.Name{Tenant: found.Tenant, Connection: found.ID}, day)
	if hub.KindOf(err) == hub.KindInvalid && err != nil {
		return nil, invalid(hub.CodeOf(err), "body.day", texts[hub.CodeOf(err)])
	}
	if err != nil {
		return nil, err
	}
	query := url.Values{"connection_id": {string(found.ID)}, "day_from": {string(day)}, "day_to": {string(day)}}
	if c.Role == tenancy.RoleOperator {
		query.Set("tenant", string(found.Tenant))
	}
	return &askedAnswer{"/v1/reconciliations?" + query.Encode(), askedReconciliation{string(found.ID), day, after}}, nil
}
