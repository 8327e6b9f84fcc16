package forgettest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// all returns the entries of a shard, read in pages.
func (b *bench) all(shard hub.ShardID, limit int) (list []forget.Entry) {
	b.t.Helper()
	for after := ""; ; {
		page, err := b.Shard.ShardEntries(b.ctx, shard, after, limit)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(page) == 0 {
			return list
		}
		if len(page) > limit {
			b.t.Fatalf("a page of %d entries, %d were asked for", len(page), limit)
		}
		list, after = append(list, page...), page[len(page)-1].ID
	}
}

func (b *bench) head(shard hub.ShardID) forget.Entry {
	b.t.Helper()
	head, err := b.Shard.Head(b.ctx, shard)
	if err != nil {
		b.t.Fatal(err)
	}
	return head
}

func testLedger(t *testing.T, b *bench) {
	if head := b.head(b.shard); head != (forget.Entry{}) {
		t.Errorf("the head of an empty shard is %+v", head)
	}
	s := b.person()
	entries := []forget.Entry{b.entry(1, forget.Fenced, s), b.entry(2, forget.Killed, s), b.entry(3, forget.Fenced, b.person())}
	parked, lots := b.entry(4, forget.Emptied, gdpr.SubjectID(b.ids.New(hub.ParkedPrefix))), b.entry(5, forget.Killed, "con_a")
	entries = append(entries, parked, lots)
	if fresh := b.apply(entries[:2], nil); !reflect.DeepEqual(fresh, entries[:2]) {
		t.Errorf("new are %+v", fresh)
	}
	if fresh := b.apply(entries, nil); !reflect.DeepEqual(fresh, entries[2:]) {
		t.Errorf("new of all are %+v", fresh)
	}
	if fresh := b.apply(entries, &entries[4]); len(fresh) != 0 {
		t.Errorf("new again: %+v", fresh)
	}
	if got := b.all(b.shard, 100); !reflect.DeepEqual(got, entries) {
		t.Errorf("kept\n%+v, want\n%+v", got, entries)
	}
	if got := b.all(b.Shards.Of(b.Tenants[2]), 100); len(got) != 0 {
		t.Errorf("the other shard has %+v", got)
	}
}

func testLedgerPages(t *testing.T, b *bench) {
	var entries []forget.Entry
	for n := range int64(25) {
		entries = append(entries, b.entry(n+1, forget.Fenced, b.person()))
	}
	b.apply(entries, nil)
	for _, limit := range []int{1, 7, 25, 100} {
		if got := b.all(b.shard, limit); !reflect.DeepEqual(got, entries) {
			t.Errorf("in pages of %d: %d entries", limit, len(got))
		}
	}
}

func testHead(t *testing.T, b *bench) {
	first, second := b.entry(10, forget.Fenced, b.person()), b.entry(11, forget.Fenced, b.person())
	b.apply([]forget.Entry{first, second}, nil)
	if head := b.head(b.shard); head.ID != "" {
		t.Errorf("entries alone moved the head to %+v", head)
	}
	other := b.entry(12, forget.Killed, b.person())
	other.Tenant = b.Tenants[2] // the head may be another shard's business
	renumbered, same := second, b.entry(12, forget.Killed, b.person())
	renumbered.Number = 7
	unknown, older := forget.Entry{ID: other.ID}, forget.Entry{ID: first.ID}
	for _, c := range []struct{ put, want forget.Entry }{
		{first, first}, {second, second}, {first, second}, {other, other}, {renumbered, other}, {same, other},
		{older, other}, {unknown, forget.Entry{}}, {unknown, forget.Entry{}}, {renumbered, renumbered},
	} {
		b.apply(nil, &c.put)
		if head := b.head(b.shard); head.ID != c.want.ID || head.Number != c.want.Number {
			t.Errorf("after %d %s the head is %d %s, want %d %s", c.put.Number, c.put.ID, head.Number, head.ID, c.want.Number, c.want.ID)
		}
	}
	if fresh := b.apply([]forget.Entry{renumbered}, nil); len(fresh) != 0 {
		t.Error("another number made an entry new")
	}
	if got := b.all(b.shard, 10); len(got) != 2 {
		t.Errorf("%d entries, want 2", len(got))
	}
	if head := b.head(b.Shards.Of(b.Tenants[2])); head.ID != "" {
		t.Error("the other shard's head moved")
	}
}

func (b *bench) tryHold(s ...gdpr.SubjectID) error {
	r := Row{Tenant: b.Tenants[0], Place: gdpr.InOrders, ID: b.ids.New(hub.OrderPrefix)}
	return b.Shards.Do(b.ctx, b.shard, func(ctx context.Context, tx hub.Tx) error { return b.hold(ctx, tx, r, s) })
}

func testFenced(t *testing.T, b *bench) {
	fenced, killed, living := b.person(), b.person(), b.person()
	for _, s := range []gdpr.SubjectID{fenced, killed, living} {
		if err := b.tryHold(s); err != nil {
			t.Fatalf("holding a living person: %v", err)
		}
	}
	b.apply([]forget.Entry{b.entry(1, forget.Fenced, fenced), b.entry(2, forget.Killed, killed)}, nil)
	never := b.person() // whom the shard hears of for the first time
	b.apply([]forget.Entry{b.entry(3, forget.Fenced, never)}, nil)
	for _, s := range []gdpr.SubjectID{fenced, killed, never} {
		if err := b.tryHold(living, s); hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != gdpr.CodeSubjectFenced {
			t.Errorf("holding somebody who is fenced: %v", err)
		}
	}
	if err := b.tryHold(living); err != nil {
		t.Errorf("holding whoever is left: %v", err)
	}
	rows, err := b.Shard.Count(b.ctx, b.Tenants[0], []gdpr.SubjectID{living})
	if err != nil || rows[gdpr.InOrders] != 2 {
		t.Errorf("%d rows of the living, %v; want 2", rows[gdpr.InOrders], err)
	}
}

func testNeverBack(t *testing.T, b *bench) {
	s := b.person()
	b.apply([]forget.Entry{b.entry(2, forget.Killed, s)}, nil)
	b.apply([]forget.Entry{b.entry(1, forget.Fenced, s)}, nil)
	if err := b.tryHold(s); hub.CodeOf(err) != gdpr.CodeSubjectFenced {
		t.Errorf("a late fence brought the dead back: %v", err)
	}
}

func testRollback(t *testing.T, b *bench) {
	s, stop := b.person(), errors.New("stop")
	e := b.entry(1, forget.Fenced, s)
	err := b.Shards.Do(b.ctx, b.shard, func(ctx context.Context, tx hub.Tx) error {
		if _, err := b.Shard.Apply(ctx, tx, []forget.Entry{e}, &e); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if b.head(b.shard).ID != "" || len(b.all(b.shard, 10)) != 0 {
		t.Error("a transaction that was rolled back left entries")
	}
	if err := b.tryHold(s); err != nil {
		t.Errorf("a transaction that was rolled back fenced: %v", err)
	}
}
