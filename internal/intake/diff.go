package intake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/internal/orders"
)

// Diff is what today's rules make different of an order.
type Diff struct {
	Business []Difference // of the business record, by path
	Personal hub.Fields   // personal fields that change: their names, never a value
	// Blind: parts of the stored personal data cannot be read any more, so Personal is not known.
	Blind bool
}

// Difference is one value of the business record before and after, as JSON; nil is absent.
type Difference struct {
	Path          string
	Before, After json.RawMessage
}

// compare fills in what the item makes different of the stored order.
func (n *Renormaliser) compare(ctx context.Context, row orders.Stored, it *item, r *Renewal) error {
	failed, err := n.Pipeline.prepare(ctx, []*item{it})
	if err = errors.Join(err, failed[0]); settledAs(r, err) {
		return nil
	}
	if err != nil {
		return err
	}
	if it.drafts[0].Digest == row.Version.Digest {
		r.Outcome = RenewSame
		return nil
	}
	r.Outcome = RenewDiffers
	o := it.drafts[0].Order
	o.ID, o.TenantID, o.ConnectionID, o.DeletedAt = row.ID, row.Tenant, row.Connection, row.DeletedAt
	business, personal := o.Split()
	after, err := json.Marshal(business)
	if err != nil {
		return hub.Errorf(hub.KindInternal, "renormalising", "%s is not printable", row.ID)
	}
	if r.Business, err = differences(row.Doc, after); err != nil {
		return err
	}
	before, whole, err := n.personal(ctx, row)
	if r.Blind = !whole; err != nil || r.Blind {
		return err
	}
	r.Personal, err = changedFields(before, personal)
	return err
}

// personal opens the stored personal data; whole is false when a part of it is gone.
func (n *Renormaliser) personal(ctx context.Context, row orders.Stored) (p hub.Personal, whole bool, err error) {
	parts := map[hub.PersonalPart]hub.Personal{}
	for name, envelope := range map[hub.PersonalPart][]byte{
		hub.PartBuyer: row.Personal, hub.PartRecipient: row.Recipient, hub.PartPayer: row.Payer, hub.PartShared: row.Shared,
	} {
		if len(envelope) == 0 {
			continue
		}
		plain, err := n.Pipeline.Keys.Open(ctx, gdpr.OrderPlace(row.Tenant, row.ID, name, row.SealedAt), envelope)
		if code := hub.CodeOf(err); code == gdpr.CodeKeyGone || code == hub.CodeUnreadable {
			return p, false, nil
		}
		if err != nil {
			return p, false, err
		}
		var part hub.Personal
		if json.Unmarshal(plain, &part) != nil {
			return p, false, nil
		}
		parts[name] = part
	}
	return hub.JoinParts(parts), true, nil
}

// unsaid are paths that differ between any two revisions.
var unsaid = []string{"revision", "source.rules", "source.raw_ref"}

// differences compares two documents value by value. Numbers are compared as they are written.
func differences(before, after []byte) (list []Difference, err error) {
	a, b := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := flatten(before, a); err != nil {
		return nil, err
	}
	if err := flatten(after, b); err != nil {
		return nil, err
	}
	for path, was := range a {
		if !bytes.Equal(was, b[path]) && !slices.Contains(unsaid, path) {
			list = append(list, Difference{path, was, b[path]})
		}
	}
	for path, is := range b {
		if _, known := a[path]; !known && !slices.Contains(unsaid, path) {
			list = append(list, Difference{path, nil, is})
		}
	}
	slices.SortFunc(list, func(x, y Difference) int { return cmp.Compare(x.Path, y.Path) })
	return list, nil
}

// flatten lists the scalars of a document by their paths.
func flatten(document []byte, into map[string]json.RawMessage) error {
	var root any
	exact := json.NewDecoder(bytes.NewReader(document))
	exact.UseNumber()
	if err := exact.Decode(&root); err != nil {
		return hub.Errorf(hub.KindInternal, "comparing orders", "a stored document is damaged")
	}
	var walk func(path string, v any) error
	walk = func(path string, v any) error {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				if err := walk(strings.TrimPrefix(path+"."+name, "."), member); err != nil {
					return err
				}
			}
			return nil
		case []any:
			for i, member := range v {
				if err := walk(path+"["+strconv.Itoa(i)+"]", member); err != nil {
					return err
				}
			}
			return nil
		}
		text, err := json.Marshal(v)
		into[path] = text
		return err
	}
	return walk("", root)
}

// changedFields names the personal fields that differ.
func changedFields(before, after hub.Personal) (changed hub.Fields, err error) {
	a, err := generic(before)
	if err != nil {
		return 0, err
	}
	b, err := generic(after)
	if err != nil {
		return 0, err
	}
	for _, path := range hub.PersonalFields() {
		if !reflect.DeepEqual(values(a, path), values(b, path)) {
			changed.Add(path)
		}
	}
	return changed, nil
}

func generic(p hub.Personal) (m map[string]any, err error) {
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "comparing orders", "the personal part is not printable")
	}
	return m, nil
}

// values are those of a field, each with its place in a list.
func values(m map[string]any, path string) (list []any) {
	group, name, _ := strings.Cut(path, ".")
	switch in := m[group].(type) {
	case map[string]any:
		list = append(list, in[name])
	case []any:
		for _, element := range in {
			if one, ok := element.(map[string]any); ok && one[name] != nil {
				list = append(list, one["at"], one[name])
			}
		}
	}
	if len(list) == 1 && list[0] == nil {
		return nil
	}
	return list
}
