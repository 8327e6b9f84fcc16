package store

import (
	"context"
	"database/sql"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
)

var (
	_ erp.PersonalReader = ERP{}
	_ erp.Disclosures    = ERP{}
)

// partColumns are those of sealed parts: the revision, and one for each of hub.PersonalParts.
const partColumns = "sealed_at, personal, recipient, payer, shared"

// partScan scans rows that end with partColumns.
type partScan struct {
	into     []any // of all columns
	revision int64
	parts    [4][]byte
}

// scanParts scans the columns before those of sealed parts into what is given.
func scanParts(into ...any) *partScan {
	p := &partScan{into: into}
	p.into = append(p.into, &p.revision)
	for i := range p.parts {
		p.into = append(p.into, &p.parts[i])
	}
	return p
}

// scan scans a row.
func (p *partScan) scan(r *sql.Rows) (sealed erp.Sealed, err error) {
	if err := r.Scan(p.into...); err != nil {
		return sealed, err
	}
	sealed.Revision = p.revision
	for i, part := range hub.PersonalParts() {
		if len(p.parts[i]) > 0 {
			sealed.Parts = append(sealed.Parts, erp.SealedPart{Part: part, Envelope: p.parts[i]})
		}
	}
	return sealed, nil
}

// Personal implements erp.PersonalReader.
func (e ERP) Personal(ctx context.Context, tenant hub.TenantID, ids []hub.OrderID) (map[hub.OrderID]erp.Sealed, error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	read := make(map[hub.OrderID]erp.Sealed, len(ids))
	sight := d.sight(tenant)
	newest, first := sight.column()
	sel := selection{
		op: "reading sealed parts", columns: "id, tenant_id, " + newest + ", " + partColumns, args: first,
		table: "orders" + d.dialect.by("orders_id"), keys: []string{"id"},
	}
	fill := func(i int, r *row) { r.add(string(ids[min(i, len(ids)-1)])) }
	bytes := 0
	var text, its sql.RawBytes // no reflection, and no string where nobody keeps it
	scan := scanParts(&text, &its, &sight.saw)
	each := func(r *sql.Rows) error {
		sealed, err := scan.scan(r)
		if err != nil || string(its) != string(tenant) || len(sealed.Parts) == 0 {
			return err
		}
		id := hub.OrderID(text)
		if _, again := read[id]; !again {
			bytes += sealed.Size()
		}
		read[id] = sealed
		if len(read) > 1 && bytes > erp.MaxPageBytes {
			return &hub.Error{Kind: hub.KindTooLarge, Op: sel.op, Err: words("the parts of these orders are more than a page has")}
		}
		return nil
	}
	err = eachKeys(d.dialect, sel, d.dialect.statement.filled(len(ids)), fill, func(query string, args []any) error {
		if err := d.query(ctx, sel.op, query, args, each); err != nil {
			return err
		}
		return sight.settled(ctx)
	})
	if err != nil {
		return nil, err
	}
	return read, nil
}

// OrderPersonal implements erp.PersonalReader.
func (e ERP) OrderPersonal(ctx context.Context, tenant hub.TenantID, id hub.OrderID) (row erp.Row, sealed erp.Sealed, err error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return row, sealed, err
	}
	sight := d.sight(tenant)
	newest, args := sight.column()
	query := "SELECT id, doc, " + newest + ", " + partColumns + " FROM orders WHERE id = ? AND tenant_id = ? AND revision > 0"
	scan := scanParts(&row.ID, &row.Doc, &sight.saw)
	err = d.query(ctx, "reading an order", query, append(args, string(id), string(tenant)), func(r *sql.Rows) (err error) {
		sealed, err = scan.scan(r)
		return err
	})
	if err == nil && row.ID == "" {
		err = noOrder(id)
	}
	if err == nil {
		err = sight.settled(ctx)
	}
	if err != nil {
		return erp.Row{}, erp.Sealed{}, err
	}
	return row, sealed, nil
}

// filled is how many keys are asked for when n are wanted: where statements have few sizes, naming one key several times is
// cheaper than a statement for each of the last ones.
func (l limits) filled(n int) int {
	if len(l.sizes) == 0 || n == 0 {
		return n
	}
	rest := n % l.sizes[0]
	for _, size := range slices.Backward(l.sizes) {
		if rest > 0 && rest <= size {
			return n - rest + size
		}
	}
	return n
}

// DisclosurePrefix begins the ids of disclosures.
const DisclosurePrefix = "dsc_"

var disclosureColumns = []string{"tenant_id", "disclosed_at", "id", "client", "key_id", "request_id", "order_id", "revision", "fields"}

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
	in := insertion{op: op, table: "disclosures", columns: disclosureColumns}
	err := t.insert(ctx, in, len(single), func(i int, r *row) {
		d := single[i]
		r.add(string(d.Tenant), micros(d.At), t.s.cfg.IDs.New(DisclosurePrefix), d.Client, string(d.Key), d.Request, string(d.Order),
			d.Revision, int64(d.Fields)) // the bits as they are
	})
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
