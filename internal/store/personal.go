package store

import (
	"context"
	"database/sql"
	"slices"

	"hub"
	"hub/internal/erp"
)

var _ erp.PersonalReader = ERP{}

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
