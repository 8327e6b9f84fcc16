package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/orders"
)

// row returns the stored order of a tenant.
func (r *rig) row(name string, external hub.ExternalID) orders.Stored {
	r.t.Helper()
	tenant := hub.TenantID("ten_" + name[:1])
	row, ok := r.store.of(r.store.Of(tenant)).orders[orders.Key{Tenant: tenant, Connection: hub.ConnectionID("con_" + name), External: external}]
	if !ok {
		r.t.Fatalf("no order %s of %s", external, name)
	}
	return row
}

// parts returns what is stored of each part.
func parts(row orders.Stored) map[hub.PersonalPart][]byte {
	all := map[hub.PersonalPart][]byte{
		hub.PartBuyer: row.Personal, hub.PartRecipient: row.Recipient, hub.PartPayer: row.Payer, hub.PartShared: row.Shared,
	}
	for name, sealed := range all {
		if sealed == nil {
			delete(all, name)
		}
	}
	return all
}

// whose returns the subjects of a part.
func (r *rig) whose(row orders.Stored, part hub.PersonalPart) []gdpr.SubjectID {
	r.t.Helper()
	subjects, ok := gdpr.SubjectsOf(parts(row)[part])
	if !ok {
		r.t.Fatalf("the part %s of %s does not tell", part, row.External)
	}
	return subjects
}

// read opens a part.
func (r *rig) read(row orders.Stored, part hub.PersonalPart) (p hub.Personal, err error) {
	r.t.Helper()
	plain, err := r.pipeline.Keys.Open(r.t.Context(), gdpr.OrderPlace(row.Tenant, row.ID, part, row.SealedAt), parts(row)[part])
	if err == nil {
		err = json.Unmarshal(plain, &p)
	}
	return p, err
}

// whole opens and joins all parts that are stored.
func (r *rig) whole(row orders.Stored) hub.Order {
	r.t.Helper()
	opened := map[hub.PersonalPart]hub.Personal{}
	for part := range parts(row) {
		var err error
		if opened[part], err = r.read(row, part); err != nil {
			r.t.Fatalf("opening the part %s of %s: %v", part, row.External, err)
		}
	}
	var o hub.Order
	if err := json.Unmarshal(row.Doc, &o); err != nil {
		r.t.Fatal(err)
	}
	o, err := hub.Join(o, hub.JoinParts(opened))
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

// raws returns the payloads of an order.
func (r *rig) raws(row orders.Stored) (list []Raw) {
	for _, raw := range r.store.of(r.store.Of(row.Tenant)).raws {
		if raw.Order == row.Key {
			list = append(list, raw)
		}
	}
	return list
}

// erasure ends a person in the vault as package forget does.
type erasure struct {
	tenant  hub.TenantID
	subject gdpr.SubjectID
	at      time.Time
	owners  [][]byte
	stones  []forget.Tombstone
}

// erasure prepares one; nothing has happened yet.
func (r *rig) erasure(tenant hub.TenantID, subject gdpr.SubjectID, at time.Time) erasure {
	r.t.Helper()
	keys := r.pipeline.Keys
	e := erasure{tenant: tenant, subject: subject, at: at}
	marks, _, err := keys.Owners(r.t.Context(), tenant, []gdpr.SubjectID{subject})
	if err != nil || len(marks) != 1 {
		r.t.Fatalf("%d owners (%v)", len(marks), err)
	}
	mark := marks[subject]
	e.owners = [][]byte{mark[:]}
	tags, err := r.vault.TagsOf(r.t.Context(), e.owners)
	if err != nil {
		r.t.Fatal(err)
	}
	tags = slices.DeleteFunc(tags, func(t gdpr.Tag) bool { return !t.Identity })
	hashes, err := keys.TombstoneHashes(r.t.Context(), tenant, tags)
	if err != nil || len(hashes[subject]) != 1 {
		r.t.Fatalf("tombstones %v (%v)", hashes, err)
	}
	e.stones = []forget.Tombstone{{Hash: hashes[subject][0], At: at, Expires: at.AddDate(2, 0, 0)}}
	return e
}

func (r *rig) entry(e erasure, what forget.What) []forget.Entry {
	return []forget.Entry{{ID: hub.IDSource(r.ids).New(forget.EntryPrefix), What: what, Tenant: e.tenant, Subject: e.subject, Reason: "erasure", At: e.at}}
}

func (r *rig) fenceVault(e erasure) {
	if _, err := r.vault.Fence(r.t.Context(), r.entry(e, forget.Fenced), e.owners, e.stones); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) kill(e erasure) {
	if _, err := r.vault.Kill(r.t.Context(), r.entry(e, forget.Killed), e.owners); err != nil {
		r.t.Error(err)
	}
}

// erase does all of it, and lets every hub notice.
func (r *rig) erase(tenant hub.TenantID, subject gdpr.SubjectID, at time.Time) {
	r.t.Helper()
	e := r.erasure(tenant, subject, at)
	r.fenceVault(e)
	r.store.fence(r.store.Of(tenant), subject)
	r.kill(e)
	pass(2 * time.Second)
}

// running runs f with a drainer of shard s1.
func running(t *testing.T, f func(t *testing.T, r *rig, d *Drainer)) {
	t.Helper()
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.run(d)
		f(t, r, d)
	})
}

// registered requires that everybody whose data a row or a payload of the shard holds is in the register.
func (r *rig) registered(shard hub.ShardID) (n int) {
	r.t.Helper()
	rows := r.store.of(shard)
	hold := func(tenant hub.TenantID, place gdpr.Location, id string, sealed []byte) {
		subjects, ok := gdpr.SubjectsOf(sealed)
		if !ok || len(subjects) == 0 {
			r.t.Errorf("%s of %s belongs to nobody", id, tenant)
		}
		for _, s := range subjects {
			n++
			if !rows.places[gdpr.Holding{Tenant: tenant, Subject: s, Place: place, Row: id}] {
				r.t.Errorf("%s holds data of %s and is not registered", id, s)
			}
		}
	}
	for _, row := range rows.orders {
		for _, sealed := range parts(row) {
			hold(row.Tenant, gdpr.InOrders, string(row.ID), sealed)
		}
	}
	for ref, raw := range rows.raws {
		hold(raw.Order.Tenant, gdpr.InRaws, string(ref), raw.Sealed)
	}
	return n
}

// Who is one person and who is not: names and the platform's ids decide, and never an e-mail address.
func TestWhoIsWho(t *testing.T) {
	running(t, func(t *testing.T, r *rig, d *Drainer) {
		second := r.door.Directory.(directory)
		e := second.endpoints["token-a"]
		e.Connection, e.Secrets = "con_a2", []string{"secret-a2"}
		second.endpoints["token-a2"] = e
		const mail = " email=ann@example.test"
		for i, body := range []string{
			"1 1 customer=7", "2 1 customer=7 ship=Cid", "3 1 customer=7 ship=" + strings.ToUpper(canary), "4 1", "5 1",
			"6 1 customer=7 bill=Eve ship=Cid note=n",
		} {
			r.deliver("a", fmt.Sprint("who-", i), "shop-a order "+body+mail)
		}
		r.deliver("a2", "other", "shop-a order 1 1 customer=7"+mail)
		r.drained(d)
		buyer := func(name string, id hub.ExternalID) gdpr.SubjectID {
			list := r.whose(r.row(name, id), hub.PartBuyer)
			if len(list) != 1 {
				t.Fatalf("%d people in the buyer's part", len(list))
			}
			return list[0]
		}
		ann := buyer("a", "1")
		if buyer("a", "2") != ann || buyer("a", "3") != ann || buyer("a", "6") != ann {
			t.Error("one customer is several people")
		}
		seen := map[gdpr.SubjectID]string{ann: "the customer"}
		for what, id := range map[string]gdpr.SubjectID{
			"guest 4": buyer("a", "4"), "guest 5": buyer("a", "5"), "the customer of another connection": buyer("a2", "1"),
			"recipient of 2": r.whose(r.row("a", "2"), hub.PartRecipient)[0], "recipient of 6": r.whose(r.row("a", "6"), hub.PartRecipient)[0],
			"payer of 6": r.whose(r.row("a", "6"), hub.PartPayer)[0],
		} {
			if seen[id] != "" {
				t.Errorf("%s and %s are one person", what, seen[id])
			}
			seen[id] = what
		}
		if n := len(parts(r.row("a", "3"))); n != 1 {
			t.Errorf("%d parts for one person whose name is written in two ways", n)
		}
		if n := len(r.whose(r.row("a", "6"), hub.PartShared)); n != 3 {
			t.Errorf("%d people share order 6", n)
		}
		if n := r.registered("s1"); n < 20 {
			t.Errorf("only %d lines in the register", n)
		}
		if got := r.row("a", "6"); got.Number != "#6" || got.Expires == "" {
			t.Errorf("number %q, expires %q", got.Number, got.Expires)
		}
	})
}

// The death of a recipient takes the recipient's part, what is shared and the payload, and leaves the buyer's.
func TestDeathOfRecipient(t *testing.T) {
	running(t, func(t *testing.T, r *rig, d *Drainer) {
		r.deliver("a", "1", "shop-a order 1 1 customer=7 ship=Cid bill=Eve note=n coupon=c email=ann@example.test")
		r.drained(d)
		row := r.row("a", "1")
		raws := r.raws(row)
		if len(parts(row)) != 4 || len(raws) != 1 || raws[0].Expires == "" {
			t.Fatalf("%d parts, %d payloads", len(parts(row)), len(raws))
		}
		if o := r.whole(row); o.Buyer.ShippingAddress.Name != "Cid" || o.Buyer.Note != "n" || o.Discounts[0].Code != "c" || o.Buyer.Name != canary {
			t.Fatalf("joined %+v", o)
		}
		for _, sealed := range append(slices.Collect(maps.Values(parts(row))), raws[0].Sealed, row.Doc) {
			if bytes.Contains(sealed, []byte(canary)) || bytes.Contains(sealed, []byte("Cid")) {
				t.Error("something is stored in clear")
			}
		}
		r.kill(r.erasure("ten_a", r.whose(row, hub.PartRecipient)[0], now()))
		pass(2 * time.Second)
		for part, dead := range map[hub.PersonalPart]bool{hub.PartBuyer: false, hub.PartPayer: false, hub.PartRecipient: true, hub.PartShared: true} {
			_, err := r.read(row, part)
			if dead && hub.CodeOf(err) != gdpr.CodeKeyGone || !dead && err != nil {
				t.Errorf("part %s: %v", part, err)
			}
		}
		_, err := r.pipeline.Keys.Open(t.Context(), rawPlace("ten_a", raws[0].Ref), raws[0].Sealed)
		if hub.CodeOf(err) != gdpr.CodeKeyGone {
			t.Errorf("the payload: %v", err)
		}
		if p, err := r.read(row, hub.PartBuyer); err != nil || p.Buyer.Email != "ann@example.test" || p.Buyer.ShippingAddress != nil || p.Buyer.Note != "" {
			t.Errorf("the buyer's part: %+v, %v", p.Buyer, err)
		}
	})
}

// Late news of an order of somebody who was erased changes the business record and takes away what may not be written; who
// buys again later is somebody new.
func TestTombstone(t *testing.T) {
	running(t, func(t *testing.T, r *rig, d *Drainer) {
		before, erased := now().Add(-time.Hour).Unix(), now()
		old := fmt.Sprintf(" customer=7 ship=Cid note=n placed=%d", before)
		r.deliver("a", "1", "shop-a order 1 1"+old)
		r.drained(d)
		first := r.row("a", "1")
		ann := r.whose(first, hub.PartBuyer)[0]
		r.erase("ten_a", ann, erased)
		keys, places := len(r.vault.All()), len(r.store.of("s1").places)

		r.deliver("a", "2", "shop-a order 1 2"+old)                                              // late news
		r.deliver("a", "3", fmt.Sprintf("shop-a order 2 1 customer=7 note=n placed=%d", before)) // of an order that nobody had seen
		r.drained(d)
		late, unseen := r.row("a", "1"), r.row("a", "2")
		if late.Revision != 2 || !bytes.Contains(late.Doc, []byte(`"0.02"`)) || late.Personal != nil || late.Shared != nil {
			t.Errorf("revision %d, %s, %v", late.Revision, late.Doc, parts(late))
		}
		if p, err := r.read(late, hub.PartRecipient); err != nil || p.Buyer.ShippingAddress.Name != "Cid" || late.Expires == "" {
			t.Errorf("the recipient's part: %+v, %v", p, err)
		}
		if unseen.Revision != 1 || len(parts(unseen)) != 0 || unseen.Expires != "" || len(r.raws(unseen)) != 0 || len(r.raws(late)) != 1 {
			t.Errorf("unseen order %+v with %d payloads; %d of the late one", unseen, len(r.raws(unseen)), len(r.raws(late)))
		}
		for _, row := range []orders.Stored{late, unseen} {
			if bytes.Contains(row.Doc, []byte("raw_ref")) && row.External == "2" || bytes.Contains(row.Doc, []byte(canary)) {
				t.Errorf("document %s", row.Doc)
			}
		}
		if n := len(r.vault.All()); n != keys {
			t.Errorf("%d keys were made for an erased person", n-keys)
		}
		if n := len(r.store.of("s1").places); n != places {
			t.Errorf("%d new lines in the register", n-places)
		}

		pass(time.Hour)
		r.deliver("a", "4", fmt.Sprintf("shop-a order 3 1 customer=7 note=n placed=%d", now().Unix()))
		r.deliver("a", "5", "shop-a order 1 3"+old)
		r.drained(d)
		again := r.row("a", "3")
		if r.whole(again).Buyer.Note != "n" || r.whose(again, hub.PartBuyer)[0] == ann || len(r.raws(again)) != 1 {
			t.Errorf("the later purchase belongs to %v, %d payloads", r.whose(again, hub.PartBuyer), len(r.raws(again)))
		}
		if late = r.row("a", "1"); late.Revision != 3 || late.Personal != nil || late.Shared != nil {
			t.Errorf("after a new life the old order holds %v", parts(late))
		}
		r.registered("s1")
	})
}

// A fence that falls between preparing and committing holds up nobody: the batch is prepared again, the person in it is
// not written or somebody new, the others are as they were, and each delivery has its one effect and one record.
func TestFenceRaces(t *testing.T) {
	for _, c := range []struct {
		what    string
		erased  time.Duration // against when the order was placed
		written bool
	}{{"placed before", time.Second, false}, {"placed after", -time.Minute, true}} {
		t.Run(c.what, func(t *testing.T) {
			running(t, func(t *testing.T, r *rig, d *Drainer) {
				placed := now().Add(-time.Hour)
				body := fmt.Sprintf("customer=7 note=n placed=%d", placed.Unix())
				r.deliver("a", "1", "shop-a order 1 1 "+body)
				r.drained(d)
				ann := r.whose(r.row("a", "1"), hub.PartBuyer)[0]
				e := r.erasure("ten_a", ann, placed.Add(c.erased))
				races := 0
				r.store.set(func(hub.ShardID, int) fault {
					if races++; races == 1 {
						r.fenceVault(e)
						r.store.fence("s1", ann)
					}
					return fine
				}, nil)
				r.orders("a", 100, 20)
				r.deliver("a", "2", "shop-a order 1 2 "+body)
				r.deliver("a", "3", "shop-a order 2 1 "+body)
				r.drained(d)
				for _, id := range []hub.ExternalID{"1", "2"} {
					row := r.row("a", id)
					if len(parts(row)) != 0 && !c.written || c.written && r.whose(row, hub.PartBuyer)[0] == ann {
						t.Errorf("order %s holds %v", id, parts(row))
					}
					if c.written && r.whole(row).Buyer.Note != "n" {
						t.Errorf("order %s lost its note", id)
					}
				}
				for i := range 20 {
					if o := r.whole(r.row("a", hub.ExternalID(fmt.Sprint(100+i)))); o.Buyer.Name != canary {
						t.Errorf("order %d lost its buyer", 100+i)
					}
				}
				if n := len(r.store.of("s1").changes); n != 23 || races < 2 {
					t.Errorf("%d changes, want 23, in %d transactions", n, races)
				}
				if s := d.Status(); s.Retrying != 0 || len(r.parked("s1")) != 0 {
					t.Errorf("status %+v, %d parked", s, len(r.parked("s1")))
				}
				r.counted(23)
				r.registered("s1")
			})
		})
	}
}

// While the vault is away after a fence the drain waits; a shard that is ahead of its vault holds up that person's
// deliveries and nobody else's, and lets go of them when the vault has caught up.
func TestFenceAndVault(t *testing.T) {
	running(t, func(t *testing.T, r *rig, d *Drainer) {
		body := fmt.Sprintf("customer=7 placed=%d", now().Add(-time.Hour).Unix())
		r.deliver("a", "1", "shop-a order 1 1 "+body)
		r.drained(d)
		ann := r.whose(r.row("a", "1"), hub.PartBuyer)[0]
		e := r.erasure("ten_a", ann, now())
		r.store.fence("s1", ann)
		r.deliver("a", "2", "shop-a order 1 2 "+body)
		r.orders("a", 100, 10)
		pass(time.Minute)
		if s := d.Status(); s.Retrying != 1 || s.Waiting || len(r.store.of("s1").changes) != 11 {
			t.Fatalf("status %+v, %d changes", s, len(r.store.of("s1").changes))
		}
		r.vault.away.Store(true)
		pass(time.Minute)
		if s := d.Status(); !s.Waiting {
			t.Fatalf("status %+v", s)
		}
		r.fenceAway(e)
		r.orders("a", 200, 10)
		r.drained(d)
		if row := r.row("a", "1"); row.Revision != 2 || len(parts(row)) != 0 {
			t.Errorf("revision %d with %v", row.Revision, parts(row))
		}
		if n := len(r.store.of("s1").changes); n != 22 {
			t.Errorf("%d changes, want 22", n)
		}
		r.counted(22)
	})
}

// fenceAway brings the vault back with the fence in it.
func (r *rig) fenceAway(e erasure) {
	r.vault.away.Store(false)
	r.fenceVault(e)
}

// counted requires that the audit records of the drain count so many deliveries, and that each has the same words.
func (r *rig) counted(want int64) {
	r.t.Helper()
	var n int64
	for _, record := range r.store.of("s1").records {
		if record.action != "orders.drain" || record.tenant != "" || record.actor.Role != "system" || record.count < 1 {
			r.t.Errorf("record %+v", record)
		}
		n += record.count
	}
	if n != want {
		r.t.Errorf("%d deliveries in %d records, want %d", n, len(r.store.of("s1").records), want)
	}
}

// A batch has one audit record, in its transaction, whatever is repeated, and none when it did nothing.
func TestBatchIsRecordedOnce(t *testing.T) {
	for _, what := range []fault{fine, lost, kept, twice} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.store.set(func(_ hub.ShardID, call int) fault {
				if call%2 == 1 {
					return what
				}
				return fine
			}, nil)
			r.orders("a", 0, 50)
			r.deliver("a", "p", "shop-a bad 1 1")
			r.deliver("a", "h", "shop-a hint 1 1")
			r.orders("a", 0, 50) // copies
			d := r.drainer("s1")
			r.run(d)
			r.drained(d)
			r.orders("a", 0, 50)
			r.drained(d)
			r.counted(52)
			if records := r.store.of("s1").records; len(records) != 1 {
				t.Errorf("%d records of one batch", len(records))
			}
		})
	}
}

// What is past its retention when it arrives is not kept, and the business record is.
func TestOldOrders(t *testing.T) {
	running(t, func(t *testing.T, r *rig, d *Drainer) {
		days := func(n int) int64 { return now().AddDate(0, 0, -n).Unix() }
		r.deliver("a", "0", fmt.Sprintf("shop-a order 0 1 placed=%d", days(50)))
		r.deliver("a", "1", fmt.Sprintf("shop-a order 1 1 placed=%d", days(150)))
		r.deliver("a", "2", fmt.Sprintf("shop-a order 2 1 placed=%d", days(1000)))
		r.drained(d)
		for id, want := range map[hub.ExternalID][2]int{"0": {1, 1}, "1": {1, 0}, "2": {0, 0}} {
			row := r.row("a", id)
			named := bytes.Contains(row.Doc, []byte("raw_ref"))
			if len(parts(row)) != want[0] || len(r.raws(row)) != want[1] || row.Revision != 1 || named != (want[1] > 0) {
				t.Errorf("order %s: %d parts, %d payloads, %s", id, len(parts(row)), len(r.raws(row)), row.Doc)
			}
		}
		r.registered("s1")
	})
}

// What cannot be applied and is past its retention, after weeks without a hub, is parked without its bytes.
func TestOldParked(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.deliver("a", "1", "shop-a bad 1 1")
		pass(60 * 24 * time.Hour)
		r.deliver("a", "2", "shop-a bad 2 1")
		d := r.drainer("s1")
		r.run(d)
		r.drained(d)
		parked := r.parked("s1")
		if len(parked) != 2 || parked[0].Sealed != nil || parked[0].Expires != "" || parked[1].Sealed == nil || parked[1].Expires == "" {
			t.Fatalf("parked %+v", parked)
		}
		parking := &Parking{Pipeline: r.pipeline, Reader: r.store, Directory: connections()}
		if _, err := parking.Replay(t.Context(), "ten_a", parked[0].ID, false); hub.CodeOf(err) != gdpr.CodeKeyGone {
			t.Errorf("Replay: %v", err)
		}
	})
}

// The next order of a customer asks the vault for nothing but what has ended.
func TestKnownCustomerCostsNothing(t *testing.T) {
	running(t, func(t *testing.T, r *rig, d *Drainer) {
		order := func(id int) {
			r.deliver("a", fmt.Sprint(id), fmt.Sprintf("shop-a order %d 1 customer=7 email=ann@example.test", id))
			r.drained(d)
		}
		order(1)
		before := r.vault.Calls()
		for id := range 10 {
			order(2 + id)
		}
		after := r.vault.Calls()
		before.Poll, after.Poll = 0, 0
		if before != after {
			t.Errorf("asked %+v, then %+v", before, after)
		}
	})
}
