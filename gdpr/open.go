package gdpr

import (
	"context"
	"errors"

	"hub"
)

// Sealed is a sealed value and the place where it was found.
type Sealed struct {
	Place    Place
	Envelope []byte
}

// Opened is the outcome for one Sealed: the plaintext, or why it does not open.
type Opened struct {
	Plaintext []byte
	Subjects  []SubjectID // whose it is, of what Open opens; nobody's of a credential
	Err       error       // hub.CodeUnreadable, CodeKeyGone or CodeRootMismatch
}

// Open opens a value that a Seal sealed. It never creates a key. The error is KindPermanent with hub.CodeUnreadable
// when the bytes are damaged or from another place, KindNotFound with CodeKeyGone when a key has died, and that of the
// vault, or CodeVaultStale, when it cannot be asked. What was read must not be answered before FreshSince was asked, with a Mark from before.
func (k *Keys) Open(ctx context.Context, p Place, envelope []byte) ([]byte, error) {
	return k.openOne(ctx, formatPersonal, Sealed{p, envelope})
}

// OpenAll opens many values with one look into the vault. One result for each value, in their order; the error is
// about the vault alone.
func (k *Keys) OpenAll(ctx context.Context, list []Sealed) ([]Opened, error) {
	return k.openAll(ctx, formatPersonal, list)
}

func (k *Keys) openOne(ctx context.Context, f format, s Sealed) ([]byte, error) {
	opened, err := k.openAll(ctx, f, []Sealed{s})
	if err != nil {
		return nil, err
	}
	return opened[0].Plaintext, opened[0].Err
}

func (k *Keys) openAll(ctx context.Context, f format, list []Sealed) ([]Opened, error) {
	ready := k.ready
	if f == formatCredential {
		ready = k.readyAnyway
	}
	ring, err := ready(ctx)
	if err != nil {
		return nil, err
	}
	mark := k.Mark()
	var opened []Opened
	err = k.withRing(ctx, ring, func(ring *Keyring) (err error) {
		opened, err = k.openUnder(ctx, ring, f, list)
		return err
	})
	if errors.Is(err, errBehind) { // nor is there a newer keyring: it is what the values say
		err = nil
	}
	if err == nil && f != formatCredential {
		_, err = k.FreshSince(mark) // the process may have stood still since the lease was looked at
	}
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// openUnder opens the values under a keyring. The error is about the vault, or has the cause errBehind when a newer keyring
// might open more; the results are complete then too.
func (k *Keys) openUnder(ctx context.Context, ring *Keyring, f format, list []Sealed) ([]Opened, error) {
	opened, parsed := make([]Opened, len(list)), make([]envelope, len(list))
	named, size := 0, 0
	for i, s := range list {
		e, ok := parseEnvelope(s.Envelope)
		if !ok || e.format != f {
			opened[i].Err = s.Place.unreadable()
			continue
		}
		parsed[i] = e
		named, size = named+e.ids, size+len(e.sealed)
	}
	keys, broken, err := k.keysOf(ctx, ring, parsed, named)
	if err != nil {
		return nil, err
	}
	u := use{cache: k.cache, week: WeekOf(k.clock()), broken: broken, room: make([]byte, 0, size)}
	for i, s := range list {
		its := keys[:parsed[i].ids]
		keys = keys[len(its):]
		if opened[i].Err == nil {
			opened[i] = u.open(parsed[i], its, s.Place)
		}
	}
	for _, err := range broken {
		if errors.Is(err, errBehind) {
			return opened, err
		}
	}
	return opened, nil
}

// keysOf returns the n keys that the envelopes name, one after the other, nil for each that does not exist; and by id why some
// that exist cannot be used.
func (k *Keys) keysOf(ctx context.Context, ring *Keyring, list []envelope, n int) (keys []*key, broken map[string]error, err error) {
	keys = make([]*key, n)
	if k.cache.fill(keys, list) {
		return keys, nil, nil
	}
	missing, at := map[string]bool{}, 0
	for _, e := range list {
		for i := range e.ids {
			if keys[at] == nil {
				missing[e.id(i)] = true
			}
			at++
		}
	}
	found, broken, err := k.lookUp(ctx, ring, missing)
	if err != nil {
		return nil, nil, err
	}
	at = 0
	for _, e := range list {
		for i := range e.ids {
			if keys[at] == nil {
				keys[at] = found[e.id(i)]
			}
			at++
		}
	}
	return keys, broken, nil
}

// kind is the kind of the key at that place of the header.
func (e envelope) kind(at int) Kind {
	switch {
	case e.format == formatCredential:
		return KindCredential
	case at == e.ids-1:
		return KindLot
	}
	return KindSubject
}

func (e envelope) id(at int) string { return idText(e.kind(at).prefix(), e.raw(at)) }

// lookUp returns the keys with these ids, and why some that exist cannot be used. A vault that answers with the row of
// another id is caught by the commitment of the value.
func (k *Keys) lookUp(ctx context.Context, ring *Keyring, wanted map[string]bool) (keys map[string]*key, broken map[string]error, err error) {
	keys, broken = make(map[string]*key, len(wanted)), make(map[string]error)
	ids, epoch := k.cache.ids(wanted, keys)
	if len(ids) == 0 {
		return keys, broken, nil
	}
	rows, err := k.vault.ByID(ctx, ids)
	if err != nil {
		return nil, nil, vaultError(opOpen, err)
	}
	for id, row := range rows {
		opened, err := ring.open(opOpen, row)
		if err != nil {
			broken[id] = err
			continue
		}
		k.cache.add(opened, epoch)
		keys[id] = opened
	}
	return keys, broken, nil
}

// use opens values whose keys were looked up in a week.
type use struct {
	cache  *cache
	week   Week             // of the present
	broken map[string]error // why some that exist cannot be used
	room   []byte           // for all plaintexts
	beside []byte           // what is authenticated with a value, used again for each
}

// open opens e with the keys that its header names. A key of another tenant counts as damage: the value was moved. A lot
// whose week is over is gone, even while the key is still there.
func (u *use) open(e envelope, keys []*key, p Place) (o Opened) {
	for at, k := range keys {
		switch {
		case k == nil:
			if o.Err = u.broken[e.id(at)]; o.Err == nil {
				o.Err = p.gone()
			} else {
				hub.Wrap(&o.Err, opOpen, p.String())
			}
		case k.tenant != p.Tenant:
			o.Err = p.unreadable()
		case k.kind == KindLot && k.expires < u.week:
			o.Err = p.gone()
		}
		if o.Err != nil {
			return o
		}
	}
	row := u.row(e, keys, p)
	u.beside = p.additional(u.beside[:0], e.header)
	if o.Plaintext, o.Err = e.openUnder(u.room, p, u.beside, &row); o.Err != nil {
		return Opened{Err: o.Err}
	}
	u.room = u.room[len(o.Plaintext):len(o.Plaintext)]
	if e.format == formatPersonal {
		o.Subjects = make([]SubjectID, len(keys)-1)
		for at := range o.Subjects {
			o.Subjects[at] = SubjectID(keys[at].id)
		}
	}
	return o
}

// row is the row key of a value. That of one person's values is held with the person's key.
func (u *use) row(e envelope, keys []*key, p Place) rowKey {
	alone := e.format == formatPersonal && len(keys) == 2
	if alone {
		if row, ok := u.cache.row(keys[0], keys[1], p.Class); ok {
			return row
		}
	}
	secrets := make([]*[32]byte, len(keys))
	for at, k := range keys {
		secrets[at] = k.secret
	}
	row := p.rowKey(e.format, extract(nil, secrets...))
	if alone {
		u.cache.keepRow(keys[0], keys[1], p.Class, row)
	}
	return row
}

// SubjectsOf returns whose data an envelope holds, without opening it; nobody's for what could not be parsed. ok is false
// for what is no envelope of personal data, or has a damaged header.
func SubjectsOf(sealed []byte) (subjects []SubjectID, ok bool) {
	e, ok := parseEnvelope(sealed)
	if !ok || e.format != formatPersonal {
		return nil, false
	}
	for at := range e.ids - 1 {
		subjects = append(subjects, SubjectID(e.id(at)))
	}
	return subjects, true
}
