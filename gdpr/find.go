package gdpr

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	"hub"
)

const (
	opFind   = "searching persons"
	findPage = 500
	// mostFound bounds a search: an address that more subjects share is no person's, such as that of a marketplace.
	mostFound = 10_000
)

// subjectTag is unique; nothing is looked up by it.
func subjectTag(raw [16]byte) []byte {
	tag := sha256.Sum256(parts("hub subject key tag 1", string(raw[:])))
	return tag[:]
}

// Find returns the subjects of a tenant that something leads to, ascending: candidates, of whom an officer chooses, because
// a household shares an address. A customer id is looked for within the given connections, everything else within all. It
// is KindTooLarge when there are more than 10,000. Searching for what does not exist asks the vault the same.
func (k *Keys) Find(ctx context.Context, tenant hub.TenantID, connections []hub.ConnectionID, id Identifier) (found []SubjectID, err error) {
	if id.Kind != IdentifierCustomer && !id.sound() || id.Value == "" {
		return nil, hub.Errorf(hub.KindInvalid, opFind, "no identifier")
	}
	err = k.leased(ctx, func(ring *Keyring) error {
		hashes, err := k.tenants(ctx, ring, []hub.TenantID{tenant})
		if err != nil {
			return err
		}
		var entries map[indexEntry]bool
		if id.Kind == IdentifierCustomer {
			entries, err = k.findCustomer(ctx, ring, hashes[tenant], connections, hub.ExternalID(id.Value))
		} else {
			entries, err = k.findTagged(ctx, ring, hashes[tenant].identifier(id))
		}
		found = subjectsOf(entries)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func subjectsOf(entries map[indexEntry]bool) []SubjectID {
	ids := make(map[SubjectID]bool, len(entries))
	for e := range entries {
		ids[SubjectID(idText(SubjectPrefix, e.subject))] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// findCustomer looks for the identities of a customer id, of all connections at once.
func (k *Keys) findCustomer(ctx context.Context, ring *Keyring, hashes *TenantKeys, connections []hub.ConnectionID,
	id hub.ExternalID) (map[indexEntry]bool, error) {
	asked := make(map[[32]byte]bool, len(connections))
	var links []Link
	for _, c := range connections {
		inner := hashes.identity(c, SubjectRef{Customer: id})
		asked[inner] = true
		slot := BucketOf(inner[:])
		for _, v := range ring.versions(slot) {
			links = append(links, Link{slot, v.tagOf(inner)})
		}
	}
	rows, err := k.vault.Links(ctx, links)
	if err != nil {
		return nil, vaultError(opFind, err)
	}
	found := make(map[indexEntry]bool, len(rows))
	for _, row := range rows {
		e, err := ring.read(opFind, row)
		if err != nil {
			return nil, err
		}
		if !asked[e.inner] || !e.identity {
			return nil, damagedTag(opFind, row)
		}
		found[e] = true
	}
	return found, nil
}

// findTagged looks for everything under a tag, and under the former one while its slot is renewed.
func (k *Keys) findTagged(ctx context.Context, ring *Keyring, inner [32]byte) (map[indexEntry]bool, error) {
	found := map[indexEntry]bool{}
	// The former one first: a row that moves meanwhile is found twice and not never.
	for _, v := range slices.Backward(ring.versions(BucketOf(inner[:]))) {
		if err := k.pages(ctx, ring, v.tagOf(inner), inner, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (k *Keys) pages(ctx context.Context, ring *Keyring, tag []byte, inner [32]byte, found map[indexEntry]bool) error {
	var after []byte
	for {
		page, err := k.vault.Tagged(ctx, BucketOf(inner[:]), tag, after, findPage)
		if err != nil {
			return vaultError(opFind, err)
		}
		for _, row := range page {
			e, err := ring.read(opFind, row)
			if err != nil {
				return err
			}
			if e.inner != inner {
				return damagedTag(opFind, row)
			}
			found[e], after = true, row.Link
		}
		if len(page) < findPage {
			return nil
		}
		if len(found) > mostFound {
			return hub.Errorf(hub.KindTooLarge, opFind, "more than %d subjects", mostFound)
		}
	}
}

// Owners returns what the tags of subjects share, by which the vault's ledger finds them. A subject whose key is gone, or
// that is another tenant's, is absent. Those whose key is there and does not open are damaged, and why: their tags alone can
// tell (Keyring.LeadsTo).
func (k *Keys) Owners(ctx context.Context, tenant hub.TenantID, subjects []SubjectID) (owners map[SubjectID][16]byte,
	damaged map[SubjectID]error, err error) {
	wanted := make(map[string]bool, len(subjects))
	for _, s := range subjects {
		wanted[string(s)] = true
	}
	err = k.leased(ctx, func(ring *Keyring) error {
		keys, broken, err := k.lookUp(ctx, ring, wanted)
		if err != nil {
			return err
		}
		owners, damaged = make(map[SubjectID][16]byte, len(keys)), map[SubjectID]error{}
		for id, err := range broken {
			if hub.CodeOf(err) == CodeRootMismatch {
				return err
			}
			damaged[SubjectID(id)] = err
		}
		for id := range wanted {
			if one := keys[id]; one != nil && one.kind == KindSubject && one.tenant == tenant {
				owners[SubjectID(id)] = ownerOf(one.secret)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return owners, damaged, nil
}

// TombstoneHashes returns the tombstone hashes of the subjects that the tags lead to: one for each identity among the
// tags, which are a tenant's. Tags that are no identities have none.
func (k *Keys) TombstoneHashes(ctx context.Context, tenant hub.TenantID, tags []Tag) (hashes map[SubjectID][][]byte, err error) {
	err = k.leased(ctx, func(ring *Keyring) error {
		of, err := k.tenants(ctx, ring, []hub.TenantID{tenant})
		if err != nil {
			return err
		}
		hashes = map[SubjectID][][]byte{}
		for _, t := range tags {
			e, err := ring.read(opTombstone, t)
			if err != nil {
				return err
			}
			if e.identity {
				id, stone := SubjectID(idText(SubjectPrefix, e.subject)), of[tenant].tombstoneOf(e.inner)
				hashes[id] = append(hashes[id], stone[:])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return hashes, nil
}

const opTombstone = "making tombstone"
