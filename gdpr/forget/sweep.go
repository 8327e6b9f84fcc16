package forget

import (
	"context"
	"slices"

	"hub"
	"hub/gdpr"
)

// The places of the vault that a sweep looks at, beside those of the shard.
const (
	InKeys  gdpr.Location = "vault keys"
	InIndex gdpr.Location = "vault index"
)

// Swept is what a sweep saw.
type Swept struct {
	Places []Visited // Acted is 0: a sweep changes nothing
	// Others are living persons whom the identifiers lead to and who were not erased: somebody else in the household, or
	// whoever bought again.
	Others []gdpr.SubjectID
}

// Clean reports whether nothing was found anywhere.
func (s Swept) Clean() bool {
	return !slices.ContainsFunc(s.Places, func(v Visited) bool { return v.Found > 0 })
}

// Sweep searches again for erased persons, everywhere, in the ways in which they were found: by their keys, by the
// identifiers, by the register of places, and in what could not be parsed. It changes nothing; what it finds is for Kill and
// Visit, again. An error means that it could not look and nothing of the result counts; the caller repeats it.
func (f *Forgetter) Sweep(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID, identifiers []gdpr.Identifier) (s Swept, err error) {
	defer hub.Wrap(&err, "sweeping", string(tenant))
	subjects = unique(subjects)
	if err := f.check(ctx, tenant, subjects); err != nil {
		return s, err
	}
	if err := f.Keys.Refresh(ctx); err != nil {
		return s, err
	}
	keys := Visited{Place: InKeys, Looked: int64(len(subjects)), Method: "keys looked up"}
	if keys.Found, err = f.living(ctx, subjects); err != nil {
		return s, err
	}
	index, others, err := f.sweepIndex(ctx, tenant, subjects, identifiers)
	if err != nil {
		return s, err
	}
	rows, err := f.Shard.Count(ctx, tenant, subjects)
	if err != nil {
		return s, err
	}
	s.Places, s.Others = []Visited{keys, index}, others
	for _, place := range gdpr.Locations() {
		v := Visited{Place: place, Looked: int64(len(subjects)), Found: rows[place], Method: "register of places, persons looked up"}
		if place == gdpr.InParked {
			if v, err = f.sweepParked(ctx, tenant, identifiers); err != nil {
				return Swept{}, err
			}
		}
		s.Places = append(s.Places, v)
	}
	return s, nil
}

func (f *Forgetter) sweepIndex(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID,
	identifiers []gdpr.Identifier) (v Visited, others []gdpr.SubjectID, err error) {
	found, err := f.Find(ctx, tenant, identifiers)
	if err != nil {
		return v, nil, err
	}
	v = Visited{Place: InIndex, Looked: int64(len(identifiers)), Method: "identifiers searched again"}
	for _, s := range found {
		if _, erased := slices.BinarySearch(subjects, s); erased {
			v.Found++
		} else {
			others = append(others, s)
		}
	}
	return v, others, nil
}

func (f *Forgetter) sweepParked(ctx context.Context, tenant hub.TenantID, identifiers []gdpr.Identifier) (Visited, error) {
	looked, found, _, err := f.search(ctx, tenant, identifiers)
	return Visited{Place: gdpr.InParked, Looked: looked, Found: int64(len(found)), Method: "every unparsed delivery opened and searched"}, err
}
