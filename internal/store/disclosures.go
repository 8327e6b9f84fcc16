package store

import (
	"context"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
)

var _ erp.Disclosures = ERP{}

// DisclosurePrefix begins the ids of disclosures.
const DisclosurePrefix = "dsc_"

// Of implements erp.Disclosures.
func (e ERP) Of(tenant hub.TenantID) hub.ShardID { return e.s.Of(tenant) }

// Disclose implements erp.Disclosures. Whoever fences one of the subjects waits until the rows are committed, or is seen.
func (e ERP) Disclose(ctx context.Context, shard hub.ShardID, answers []erp.Answer) (fenced [][]gdpr.SubjectID, err error) {
	const op = "recording disclosures"
	for _, a := range answers {
		if err := checkAnswer(op, a); err != nil {
			return nil, err
		}
	}
	if len(answers) == 0 {
		return nil, nil
	}
	d, err := e.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	err = e.s.do(ctx, d, func(ctx context.Context, t *tx) error {
		mark, err := t.fenceMark(ctx)
		if err != nil {
			return err
		}
		var whole []*erp.Answer
		if whole, fenced, err = t.shareAll(ctx, op, mark, answers); err != nil {
			return err
		}
		return t.disclose(ctx, op, whole)
	})
	if err != nil {
		return nil, err
	}
	return fenced, nil
}

// shareAll sees to it that nobody of the answers is fenced until the transaction ends. Answers in which somebody is fenced
// are left out, and these are returned at their places; the lines of the others are made if they are missing. Lines of people
// who are known to be live at this mark are not looked at.
func (t *tx) shareAll(ctx context.Context, op, mark string, answers []erp.Answer) (whole []*erp.Answer, fenced [][]gdpr.SubjectID, err error) {
	fenced = make([][]gdpr.SubjectID, len(answers))
	for {
		whole = whole[:0]
		owners := map[gdpr.SubjectID]hub.TenantID{}
		for i := range answers {
			a := &answers[i]
			if len(fenced[i]) > 0 {
				continue
			}
			if err := t.owns(op, a.Tenant); err != nil {
				return nil, nil, err
			}
			whole = append(whole, a)
			for _, r := range a.Rows {
				for _, id := range r.Subjects {
					if owner, known := owners[id]; known && owner != a.Tenant {
						return nil, nil, t.poison(&hub.Error{Kind: hub.KindInternal, Op: op, Subject: string(id), Err: words("two tenants name the subject")})
					}
					owners[id] = a.Tenant
				}
			}
		}
		t.d.living.leaveOut(mark, owners)
		if len(owners) == 0 {
			return whole, fenced, nil
		}
		found, err := t.share(ctx, op, owners)
		if err == nil && len(found) == 0 {
			t.d.living.learn(mark, owners)
		}
		if err != nil || len(found) == 0 {
			return whole, fenced, err
		}
		for i, a := range answers {
			if len(fenced[i]) == 0 {
				fenced[i] = among(a, found)
			}
		}
	}
}

// among lists those of the subjects, which are sorted, that an answer names.
func among(a erp.Answer, subjects []gdpr.SubjectID) (named []gdpr.SubjectID) {
	for _, id := range subjects {
		if slices.ContainsFunc(a.Rows, func(r erp.Disclosure) bool { return slices.Contains(r.Subjects, id) }) {
			named = append(named, id)
		}
	}
	return named
}

// disclose writes what is served, and one audit record for each answer.
func (t *tx) disclose(ctx context.Context, op string, answers []*erp.Answer) error {
	var single []*erp.Disclosure
	var several []*erp.Answer
	deeds := make([]deed, len(answers))
	for i, a := range answers {
		deeds[i] = deed{action: "personal.read", tenant: a.Tenant, count: int64(len(a.Rows)), who: &a.Actor}
		if len(a.Rows) == 1 {
			deeds[i].target = string(a.Rows[0].Order)
			single = append(single, &a.Rows[0])
		} else if len(a.Rows) > 1 {
			several = append(several, a)
		}
	}
	err := t.shelve(ctx, op, single)
	if err == nil {
		err = t.keepAnswers(ctx, op, several)
	}
	if err != nil {
		return err
	}
	return t.record(ctx, deeds...)
}

// checkAnswer refuses what could not be found again, or would be told wrongly.
func checkAnswer(op string, a erp.Answer) error {
	if a.Stream != "" && (a.First < 1 || a.Last < a.First) {
		return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "first", Err: words("a page ends before it begins")}
	}
	for i := range a.Rows {
		d, first := &a.Rows[i], &a.Rows[0]
		switch {
		case d.Tenant != a.Tenant:
			return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "tenant", Err: words("a row is of another tenant")}
		case d.Client != first.Client || d.Key != first.Key || d.Request != first.Request || !d.At.Equal(first.At):
			return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "client", Err: words("two rows are of different answers")}
		case d.Order == "":
			return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "order_id", Err: words("a row is of no order")}
		}
		err := within(op, field{"stream", string(a.Stream), maxWord}, field{"client", d.Client, maxClient}, field{"key_id", string(d.Key), maxID},
			field{"request_id", d.Request, maxRequest}, field{"order_id", string(d.Order), maxID})
		if err != nil {
			return err
		}
	}
	return nil
}
