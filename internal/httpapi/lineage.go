package httpapi

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"hub"
	"hub/internal/erp"
	"hub/internal/tenancy"
)

func (s *server) lineages() {
	register(s, operation{
		id: "get-order-lineage", method: http.MethodGet, path: "/v1/orders/{id}/lineage", tag: "Orders",
		roles:   []tenancy.Role{tenancy.RoleMerchant, tenancy.RoleAuditor, tenancy.RoleOperator},
		summary: "Follow one order",
		description: "Its way through the hub: received, parked or applied, revisions, published, served, acknowledged. " +
			"Of what was served only personal fields are recorded; that somebody read the feed or the order without them is not.",
		errors: []int{http.StatusNotFound},
	}, s.lineage)
}

type lineageQuery struct {
	OrderPath
	TenantParameter
}

// lineageBody is the way of one order.
type lineageBody struct {
	OrderID          string            `json:"order_id"`
	ConnectionID     string            `json:"connection_id"`
	Platform         hub.Platform      `json:"platform"`
	ExternalID       string            `json:"external_id"`
	Revision         int64             `json:"revision" doc:"The newest"`
	Received         []lineageReceived `json:"received" nullable:"false" doc:"Deliveries about the order that were taken"`
	Parked           []lineageParked   `json:"parked" nullable:"false" doc:"Deliveries of the order that could not be applied"`
	Revisions        []lineageRevision `json:"revisions" nullable:"false"`
	PublishedThrough *int64            `json:"published_through" doc:"The number in the feed up to which the tenant's changes were published; null when this hub publishes nothing"`
	Disclosures      []lineageServed   `json:"disclosures" nullable:"false" doc:"Answers with personal fields of the order"`
	Acknowledgements []acknowledged    `json:"acknowledgements" nullable:"false"`
	Complete         bool              `json:"complete" doc:"False when a list was longer than 250 and its newest entries are missing"`
}

type lineageReceived struct {
	Delivery   string     `json:"delivery" doc:"The beginning of the delivery's keyed digest"`
	ReceivedAt *time.Time `json:"received_at,omitempty" doc:"At the door; absent when the delivery left no payload, because it said nothing new or its people were erased"`
	TakenAt    time.Time  `json:"taken_at" doc:"When it was taken into the shard"`
	Topic      string     `json:"topic,omitempty" doc:"As the platform spells it; absent like received_at"`
	RawRef     string     `json:"raw_ref,omitempty" doc:"The stored payload"`
	RawKept    bool       `json:"raw_kept" doc:"Whether the payload is still there"`
}

type lineageParked struct {
	ParkedID   string    `json:"parked_id"`
	Topic      string    `json:"topic,omitempty"`
	Code       hub.Code  `json:"code"`
	Path       string    `json:"path,omitempty"`
	State      string    `json:"state" enum:"open,replayed,dropped,closed"`
	ClosedBy   int64     `json:"closed_by_revision,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	ParkedAt   time.Time `json:"parked_at"`
}

type lineageRevision struct {
	Revision        int64          `json:"revision"`
	Sequence        int64          `json:"sequence" doc:"Its number in the feed"`
	ID              string         `json:"id" doc:"The id of the change and of its event"`
	Type            hub.ChangeType `json:"type"`
	Time            time.Time      `json:"time"`
	SourceUpdatedAt *time.Time     `json:"source_updated_at,omitempty"`
	Rules           string         `json:"rules,omitempty" doc:"Version of the normalising rules"`
	RawRef          string         `json:"raw_ref,omitempty"`
	Published       *bool          `json:"published" doc:"Whether its event is in the stream; null when this hub publishes nothing"`
}

type lineageServed struct {
	Client   string    `json:"client"`
	KeyID    string    `json:"key_id"`
	At       time.Time `json:"at"`
	Revision int64     `json:"revision"`
	Fields   []string  `json:"fields" nullable:"false" doc:"Names of the personal fields"`
}

type lineageAnswer struct{ Body lineageBody }

func (s *server) lineage(ctx context.Context, c caller, in *lineageQuery) (*lineageAnswer, error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	l, err := s.Lineage.Lineage(ctx, t, hub.OrderID(in.ID))
	if err != nil {
		return nil, missing(err, "order_not_found")
	}
	return &lineageAnswer{showLineage(l)}, nil
}

// shownDelivery is how many bytes of a delivery's key are shown: enough to find it, and not the key.
const shownDelivery = 6

func showLineage(l erp.Lineage) lineageBody {
	out := lineageBody{
		OrderID: string(l.Order), ConnectionID: string(l.Connection), Platform: l.Platform, ExternalID: string(l.External), Revision: l.Revision,
		Received: []lineageReceived{}, Parked: []lineageParked{}, Revisions: []lineageRevision{}, Disclosures: []lineageServed{},
		Acknowledgements: []acknowledged{}, Complete: !l.Cut,
	}
	if l.ToldKnown {
		out.PublishedThrough = &l.Told
	}
	for _, r := range l.Received {
		out.Received = append(out.Received, lineageReceived{
			hex.EncodeToString(r.Delivery[:shownDelivery]), given(r.ReceivedAt), r.ClaimedAt.UTC(), r.Topic, string(r.RawRef), r.Kept,
		})
	}
	for _, p := range l.Parked {
		out.Parked = append(out.Parked, lineageParked{string(p.ID), p.Topic, p.Code, p.Path, p.State, p.ClosedBy, p.ReceivedAt.UTC(), p.ParkedAt.UTC()})
	}
	for _, r := range l.Revisions {
		shown := lineageRevision{r.Revision, r.Sequence, string(r.Change), r.Type, r.Time.UTC(), given(r.SourceUpdatedAt), r.Rules, string(r.RawRef), nil}
		if l.ToldKnown {
			published := r.Sequence <= l.Told
			shown.Published = &published
		}
		out.Revisions = append(out.Revisions, shown)
	}
	for _, d := range l.Served {
		out.Disclosures = append(out.Disclosures, lineageServed{d.Client, string(d.Key), d.At.UTC(), d.Revision, append([]string{}, d.Fields.Names()...)})
	}
	for _, a := range l.Acks {
		out.Acknowledgements = append(out.Acknowledgements, acknowledged{string(a.Order), a.Client, a.Reference, a.At.UTC()})
	}
	return out
}
