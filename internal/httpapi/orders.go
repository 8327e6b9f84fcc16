package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hub"
	"hub/internal/erp"
	"hub/internal/tenancy"
)

// readers are the roles that read orders. An operator names the tenant.
func readers() []tenancy.Role {
	return []tenancy.Role{tenancy.RoleERP, tenancy.RoleMerchant, tenancy.RoleAuditor, tenancy.RoleOperator}
}

func (s *server) orders() {
	register(s, operation{
		id: "list-order-changes", method: http.MethodGet, path: "/v1/orders/feed", tag: "Orders", roles: readers(),
		summary: "Read the feed of changes",
		description: "Every change of the tenant's orders in commit order, numbered from 1 without holes. Remember next_after " +
			"and ask again with it; a page that was read once is the same for ever. With wait the answer to an empty page " +
			"comes as soon as there is a change. Documents hold no personal field unless include=personal asks for them. A position that the feed has not reached " +
			"is refused as after_beyond_head, and more readers that wait than the hub allows as too_many_waiting.",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests},
	}, s.feed)
	register(s, operation{
		id: "list-orders", method: http.MethodGet, path: "/v1/orders", tag: "Orders", roles: readers(),
		summary: "List orders", description: "The current orders, in the order of their ids. With personal fields a page can end before its limit.",
		errors: []int{http.StatusNotFound},
	}, s.listOrders)
	register(s, operation{
		id: "get-order", method: http.MethodGet, path: "/v1/orders/{id}", tag: "Orders", roles: readers(),
		summary: "Read one order", errors: []int{http.StatusNotFound},
	}, s.order)
	register(s, operation{
		id: "acknowledge-order", method: http.MethodPost, path: "/v1/orders/{id}/acknowledgement", tag: "Orders",
		roles: []tenancy.Role{tenancy.RoleERP}, summary: "Acknowledge an order",
		description: "Says that this client has booked the order under its own reference. Saying it again changes nothing; " +
			"another reference for the same order is refused, because the order may have been booked twice.",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}, s.acknowledge)
}

// OrderFilter is the query parameters that select orders.
type OrderFilter struct {
	Connection   string          `query:"connection_id" maxLength:"64" doc:"Of this connection"`
	Platform     hub.Platform    `query:"platform" doc:"Of this platform"`
	Status       hub.OrderStatus `query:"status" doc:"In this status"`
	External     string          `query:"external_id" maxLength:"255" doc:"With this id at the platform"`
	UpdatedSince time.Time       `query:"updated_since" doc:"Stored by the hub at or after this time (RFC 3339)"`
}

// values spells the filter out as query parameters.
func (f OrderFilter) values() url.Values {
	v := url.Values{
		"connection_id": {f.Connection}, "platform": {string(f.Platform)}, "status": {string(f.Status)}, "external_id": {f.External},
	}
	if !f.UpdatedSince.IsZero() {
		v.Set("updated_since", f.UpdatedSince.UTC().Format(time.RFC3339Nano))
	}
	return v
}

func (f OrderFilter) filter() erp.Filter {
	return erp.Filter{
		Connection: hub.ConnectionID(f.Connection), Platform: f.Platform, Status: f.Status, External: hub.ExternalID(f.External),
		UpdatedSince: f.UpdatedSince.UTC(),
	}
}

type ordersQuery struct {
	TenantParameter
	IncludeParameter
	OrderFilter
	Page
}

// orderList is the body of a page of orders.
type orderList struct {
	Data       []orderDocument `json:"data" nullable:"false"`
	HasMore    bool            `json:"has_more" doc:"Whether there is another page"`
	NextCursor *string         `json:"next_cursor" doc:"The cursor of the next page; null on the last"`

	printed []byte // the page, when it had to be printed before it could be served
}

func (l orderList) appendJSON(b []byte) []byte {
	if l.printed != nil {
		return whole(b, l.printed)
	}
	b = append(b, `{"data":[`...)
	for i, d := range l.Data {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendJSON(b)
	}
	b = strconv.AppendBool(append(b, `],"has_more":`...), l.HasMore)
	b = append(b, `,"next_cursor":`...)
	if l.NextCursor == nil {
		return append(b, `null}`...)
	}
	return append(strconv.AppendQuote(b, *l.NextCursor), '}')
}

type ordersAnswer struct {
	Link string `header:"Link" doc:"The next page as rel=\"next\"; absent on the last"`
	Body orderList
}

func (s *server) listOrders(ctx context.Context, c caller, in *ordersQuery) (*ordersAnswer, error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	personal, err := s.personal(ctx, c, t, in.IncludeParameter)
	if err != nil {
		return nil, err
	}
	v := in.values()
	l := listing{"orders", t, []string{
		v.Get("connection_id"), v.Get("platform"), v.Get("status"), v.Get("external_id"), v.Get("updated_since"),
	}}
	after, err := l.after(in.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := s.Orders.List(ctx, t, in.filter(), hub.OrderID(after), in.Limit)
	if err == nil && personal.open {
		s.usesScratch(ctx, &personal)
		found, err = s.Personal.List(ctx, personal.begin(), found)
	}
	if err != nil {
		return nil, err
	}
	out, size := &ordersAnswer{Body: orderList{Data: []orderDocument{}, HasMore: found.Next != ""}}, aroundDocument
	for _, row := range found.Rows {
		size += len(row.Doc) + aroundDocument
		out.Body.Data = append(out.Body.Data, orderDocument(row.Doc))
	}
	if found.Next != "" {
		cursor := l.cursor(string(found.Next))
		out.Body.NextCursor = &cursor
		v.Set("tenant", in.Tenant)
		v.Set("include", in.Include)
		out.Link = next("/v1/orders", v, in.Limit, cursor)
	}
	if out.Body.printed, err = personal.printed(ctx, out.Body, size); err != nil {
		return nil, err
	}
	return out, nil
}

// OrderPath is the path parameter of one order.
type OrderPath struct {
	ID string `path:"id" maxLength:"64" doc:"The order's id" example:"ord_01j9z3k6m8q0r2t4v6x8z0b2d4"`
}

type orderQuery struct {
	OrderPath
	TenantParameter
	IncludeParameter
}

type orderAnswer struct {
	Body orderDocument
}

func (s *server) order(ctx context.Context, c caller, in *orderQuery) (*orderAnswer, error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	personal, err := s.personal(ctx, c, t, in.IncludeParameter)
	if err != nil {
		return nil, err
	}
	var row erp.Row
	if !personal.open {
		row, err = s.Orders.Order(ctx, t, hub.OrderID(in.ID))
	} else if row, err = s.Personal.Order(ctx, personal.begin(), hub.OrderID(in.ID)); err == nil {
		err = personal.fresh(ctx, row.Doc)
	}
	if err != nil {
		return nil, missing(err, "order_not_found")
	}
	return &orderAnswer{Body: orderDocument(row.Doc)}, nil
}

// missing gives all ways of not being there one code, so that they cannot be told apart.
func missing(err error, code hub.Code) error {
	if hub.KindOf(err) == hub.KindNotFound {
		return &hub.Error{Kind: hub.KindNotFound, Code: code}
	}
	return err
}

type acknowledgement struct {
	OrderPath
	TenantParameter
	IdempotencyKey
	Body struct {
		Reference string `json:"reference" minLength:"1" maxLength:"128" doc:"The client's own name for what it booked, in visible characters; never personal" example:"ERP-1"`
	}
}

// acknowledged is what is known of an acknowledgement.
type acknowledged struct {
	OrderID        string    `json:"order_id"`
	Client         string    `json:"client" doc:"The client of the API key"`
	Reference      string    `json:"reference"`
	AcknowledgedAt time.Time `json:"acknowledged_at" doc:"When it was said first"`
}

type acknowledgedAnswer struct {
	Body acknowledged
}

func (s *server) acknowledge(ctx context.Context, c caller, in *acknowledgement) (*acknowledgedAnswer, error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	ack, err := s.Orders.Acknowledge(ctx, t, c.Client, hub.OrderID(in.ID), in.Body.Reference)
	if err != nil {
		return nil, missing(err, "order_not_found")
	}
	return &acknowledgedAnswer{acknowledged{string(ack.Order), ack.Client, ack.Reference, ack.At.UTC()}}, nil
}
