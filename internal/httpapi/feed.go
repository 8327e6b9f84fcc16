package httpapi

import (
	"context"
	"errors"
	"strconv"
	"time"

	"hub"
	"hub/internal/erp"
)

type feedQuery struct {
	TenantParameter
	IncludeParameter
	After int64  `query:"after" minimum:"0" default:"0" doc:"The last sequence that is known; 0 begins at the start"`
	Limit int    `query:"limit" minimum:"1" maximum:"250" default:"100" doc:"How many at most"`
	Wait  string `query:"wait" pattern:"^[0-9]{1,5}(ms|s|m)$" default:"0s" doc:"How long to wait for the first change, up to 60s" example:"30s"`
}

// change is one entry of the feed.
type change struct {
	Sequence int64          `json:"sequence" minimum:"1" doc:"Place in the tenant's feed"`
	ID       string         `json:"id" doc:"The same for ever; deduplicate on it" example:"evt_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Type     hub.ChangeType `json:"type"`
	Time     time.Time      `json:"time" doc:"When it was committed"`
	Order    orderDocument  `json:"order" doc:"The whole order as of this change"`
}

// feedPage is the body of one page.
type feedPage struct {
	Data      []change `json:"data" nullable:"false"`
	NextAfter int64    `json:"next_after" doc:"What to ask for after next time"`
	HasMore   bool     `json:"has_more" doc:"Whether there is more at once"`

	printed []byte // the page, when it had to be printed before it could be served
}

// appendJSON prints the page around its documents, which are not parsed again.
func (p feedPage) appendJSON(b []byte) []byte {
	if p.printed != nil {
		return whole(b, p.printed)
	}
	b = append(b, `{"data":[`...)
	for i, c := range p.Data {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"sequence":`...), c.Sequence, 10)
		b = strconv.AppendQuote(append(b, `,"id":`...), c.ID) // ids, types and times are plain ASCII
		b = strconv.AppendQuote(append(b, `,"type":`...), string(c.Type))
		b = strconv.AppendQuote(append(b, `,"time":`...), c.Time.Format(time.RFC3339Nano))
		b = append(c.Order.appendJSON(append(b, `,"order":`...)), '}')
	}
	b = strconv.AppendInt(append(b, `],"next_after":`...), p.NextAfter, 10)
	return append(strconv.AppendBool(append(b, `,"has_more":`...), p.HasMore), '}')
}

type feedAnswer struct {
	Body feedPage
}

func (s *server) feed(ctx context.Context, c caller, in *feedQuery) (*feedAnswer, error) {
	t, err := c.tenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	personal, err := s.personal(ctx, c, t, in.IncludeParameter)
	if err != nil {
		return nil, err
	}
	wait, err := time.ParseDuration(in.Wait)
	if err != nil || wait > erp.MaxWait {
		return nil, invalid(hub.CodeOutOfRange, "query.wait", "is at most 60s")
	}
	page, err := s.Feed.Page(ctx, t, hub.StreamOrders, in.After, in.Limit, wait)
	if errors.Is(err, context.Canceled) { // the hub stops while a client waits: it learned nothing new, which is true
		page, err = erp.Page{Next: in.After}, nil
	}
	if err == nil {
		err = s.holds(c) // it may have waited
	}
	if err == nil && personal.open {
		s.usesScratch(ctx, &personal)
		page, err = s.Personal.Page(ctx, personal.begin(), page)
	}
	if err != nil {
		return nil, err
	}
	body, size := feedPage{Data: make([]change, len(page.Changes)), NextAfter: page.Next, HasMore: page.More}, aroundDocument
	for i, ch := range page.Changes {
		size += len(ch.Doc) + aroundDocument
		body.Data[i] = change{ch.Sequence, string(ch.ID), ch.Type, ch.Time.UTC(), ch.Doc}
	}
	if body.printed, err = personal.printed(ctx, body, size); err != nil {
		return nil, err
	}
	return &feedAnswer{body}, nil
}
