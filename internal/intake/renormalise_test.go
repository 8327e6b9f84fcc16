package intake

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/orders"
)

// renewing runs f with orders 0 … n−1 of ten_a that were read under script/1, and rules script/2 from now on.
func renewing(t *testing.T, bodies []string, f func(t *testing.T, r *rig, n *Renormaliser)) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		stop := r.run(d)
		for i, body := range bodies {
			r.deliver("a", fmt.Sprint("first ", i), "shop-a "+body)
		}
		r.deliver("c", "theirs", "shop-c order 1 1")
		r.drained(d)
		stop()
		r.script.rules.Store(2)
		f(t, r, &Renormaliser{r.pipeline, r.store})
	})
}

// page reads everything again in pages of three.
func (r *rig) renew(n *Renormaliser, f AppliedFilter, dry bool) (all Renewals) {
	r.t.Helper()
	all.Counts = map[RenewOutcome]int{}
	var after hub.OrderID
	for {
		page, err := n.Page(r.t.Context(), "ten_a", f, after, 3, dry)
		if err != nil {
			r.t.Fatal(err)
		}
		all.List = append(all.List, page.List...)
		for outcome, count := range page.Counts {
			all.Counts[outcome] += count
		}
		if after = page.Next; !page.More {
			return all
		}
	}
}

// A dry run shows the business values that differ, of personal ones only the names, and changes nothing. Applying makes one
// revision of each order that differs, with the payload that it had, and a second time nothing.
func TestRenormalise(t *testing.T) {
	bodies := []string{
		"order 1 1 x note=hello ship=Somebody_Else", "order 2 7", "order plain 1", "pair 3 1 x note=shared", "order 4 1 forbidden x",
	}
	renewing(t, bodies, func(t *testing.T, r *rig, n *Renormaliser) {
		before := r.snapshot()
		dry := r.renew(n, AppliedFilter{}, true)
		want := map[RenewOutcome]int{RenewDiffers: 4, RenewSame: 1, RenewRefused: 1}
		if !maps.Equal(dry.Counts, want) || !reflect.DeepEqual(before, r.snapshot()) {
			t.Fatalf("dry: %v, want %v; changed %v", dry.Counts, want, !reflect.DeepEqual(before, r.snapshot()))
		}
		for _, d := range dry.List {
			said := fmt.Sprintf("%+v", d)
			if strings.Contains(said, canary) || strings.Contains(said, "hello") {
				t.Errorf("a value is shown: %s", said)
			}
			if d.Outcome == RenewRefused && (d.Code != hub.CodeMissing || d.Path != "id") {
				t.Errorf("refused: %+v", d)
			}
			if d.Outcome == RenewDiffers && (d.From != "script/1" || d.Blind || fmt.Sprintf("%s", d.Business) !=
				`[{channel  "read"} {totals.tip.amount  "0.05"} {totals.tip.currency  "BRL"}]`) {
				t.Errorf("differs: %s", said)
			}
		}
		noted := 0
		for _, d := range dry.List {
			if slices.Equal(d.Personal.Names(), []string{"buyer.note"}) {
				noted++
			} else if d.Personal != 0 {
				t.Errorf("names %v", d.Personal.Names())
			}
		}
		if noted != 3 { // order 1 and both of the pair
			t.Errorf("%d orders name their note", noted)
		}
		raws := len(r.store.of("s1").raws)
		done := r.renew(n, AppliedFilter{}, false)
		if want := map[RenewOutcome]int{RenewRenewed: 4, RenewSame: 1, RenewRefused: 1}; !maps.Equal(done.Counts, want) {
			t.Fatalf("applied: %v", done.Counts)
		}
		row := r.row("a", "1")
		if row.Revision != 2 || row.Version.Rules != 2 || !bytes.Contains(row.Doc, []byte(`"rules":"script/2"`)) || bytes.Contains(row.Doc, []byte(canary)) ||
			len(parts(row)) == 0 || len(r.store.of("s1").raws) != raws {
			t.Errorf("revision %d, %d parts, %d payloads of %d: %s", row.Revision, len(parts(row)), len(r.store.of("s1").raws), raws, row.Doc)
		}
		if again := r.renew(n, AppliedFilter{}, false); !maps.Equal(again.Counts, map[RenewOutcome]int{RenewCurrent: 5, RenewRefused: 1}) {
			t.Errorf("again: %v", again.Counts)
		}
		if theirs := r.row("c", "1"); theirs.Revision != 1 {
			t.Error("another tenant's order was renewed")
		}
		t.Logf("%d orders, %d renewed, each once", 6, done.Counts[RenewRenewed])
	})
}

// What an older program, which still runs, makes of the same version never replaces what newer rules made.
func TestOlderRulesNeverWin(t *testing.T) {
	renewing(t, []string{"order 1 1"}, func(t *testing.T, r *rig, n *Renormaliser) {
		r.renew(n, AppliedFilter{}, false)
		renewed := r.row("a", "1")
		r.script.rules.Store(1)
		d := r.drainer("s1")
		r.run(d)
		for i := range 8 {
			r.deliver("a", fmt.Sprint("again ", i), fmt.Sprint("shop-a order 1 1 x note=", i)) // every digest there may be
		}
		r.drained(d)
		if row := r.row("a", "1"); row.Revision != 2 || !bytes.Equal(row.Doc, renewed.Doc) {
			t.Errorf("revision %d: %s", row.Revision, row.Doc)
		}
		r.deliver("a", "newer", "shop-a order 1 2")
		r.drained(d)
		if row := r.row("a", "1"); row.Revision != 3 || row.Version.Rules != 1 {
			t.Errorf("a newer version of the source lost: revision %d", row.Revision)
		}
	})
}

// Payloads that are erased, aged out or not there are skipped, and so is one that another version overtook.
func TestRenormaliseSkips(t *testing.T) {
	renewing(t, []string{"order 1 1", "order 2 1", "order 3 1", "order 4 1", "order 5 1"}, func(t *testing.T, r *rig, n *Renormaliser) {
		rows := r.store.of("s1")
		change := func(id hub.ExternalID, f func(*orders.Stored)) {
			row := r.row("a", id)
			f(&row)
			rows.orders[row.Key] = row
		}
		change("1", func(row *orders.Stored) { row.Erased = true })
		change("2", func(row *orders.Stored) { row.Version.SourceUpdatedAt = row.Version.SourceUpdatedAt.Add(time.Second) })
		for ref, raw := range rows.raws {
			switch raw.Order.External {
			case "3":
				raw.Sealed = nil
				rows.raws[ref] = raw
			case "4":
				raw.Sealed = append([]byte{}, raw.Sealed...)
				raw.Sealed[len(raw.Sealed)-1]++
				rows.raws[ref] = raw
			}
		}
		for _, dry := range []bool{true, false} {
			got := r.renew(n, AppliedFilter{}, dry)
			codes := map[hub.Code]int{}
			for _, one := range got.List {
				codes[one.Code]++
			}
			want := map[hub.Code]int{CodePayloadGone: 2, CodeOtherVersion: 1, hub.CodeUnreadable: 1, "": 1}
			if got.Counts[RenewSkipped] != 4 || !maps.Equal(codes, want) {
				t.Errorf("dry %v: %v, %v", dry, got.Counts, codes)
			}
		}
	})
}

// After the keys are gone everything is skipped, and an outage of the vault ends the page and skips nothing.
func TestRenormaliseWithoutKeys(t *testing.T) {
	renewing(t, []string{"order 1 1", "order 2 1"}, func(t *testing.T, r *rig, n *Renormaliser) {
		r.vault.away.Store(true)
		pass(time.Minute)
		if _, err := n.Page(t.Context(), "ten_a", AppliedFilter{}, "", 3, false); hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("without the vault: %v", err)
		}
		r.vault.away.Store(false)
		pass(3 * 366 * 24 * time.Hour)
		if got := r.renew(n, AppliedFilter{}, false); got.Counts[RenewSkipped] != 2 || got.List[0].Code != CodePayloadGone {
			t.Errorf("past their retention: %+v", got)
		}
		if got := r.renew(n, AppliedFilter{Connection: "con_x"}, true); len(got.Counts) != 0 {
			t.Errorf("of another connection: %v", got.Counts)
		}
		if got := r.renew(n, AppliedFilter{Since: now()}, true); len(got.Counts) != 0 {
			t.Errorf("since now: %v", got.Counts)
		}
	})
}

// Trouble of the shard ends a page early, and going on from there leaves nothing out.
func TestRenormaliseGoesOn(t *testing.T) {
	renewing(t, []string{"order 1 1", "order 2 1", "order 3 1"}, func(t *testing.T, r *rig, n *Renormaliser) {
		calls := 0
		r.store.set(func(hub.ShardID, int) fault {
			if calls++; calls == 2 {
				return kept // it is committed, and nobody knows
			}
			return fine
		}, nil)
		page, err := n.Page(t.Context(), "ten_a", AppliedFilter{}, "", 3, false)
		if err != nil || !page.More || page.Counts[RenewRenewed] != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		r.store.set(nil, nil)
		rest, err := n.Page(t.Context(), "ten_a", AppliedFilter{}, page.Next, 3, false)
		if err != nil || rest.More || rest.Counts[RenewCurrent] != 1 || rest.Counts[RenewRenewed] != 1 {
			t.Fatalf("%+v, %v", rest, err)
		}
		for _, id := range []hub.ExternalID{"1", "2", "3"} {
			if row := r.row("a", id); row.Revision != 2 {
				t.Errorf("order %s is at revision %d", id, row.Revision)
			}
		}
	})
}

// Parts that cannot be read leave the names of personal fields unknown.
func TestRenormaliseBlind(t *testing.T) {
	renewing(t, []string{"order 1 1"}, func(t *testing.T, r *rig, n *Renormaliser) {
		row := r.row("a", "1")
		row.Personal = append(bytes.Clone(row.Personal[:len(row.Personal)-1]), row.Personal[len(row.Personal)-1]+1)
		r.store.of("s1").orders[row.Key] = row
		got := r.renew(n, AppliedFilter{}, true)
		if len(got.List) != 1 || !got.List[0].Blind || got.List[0].Personal != 0 || len(got.List[0].Business) == 0 {
			t.Errorf("%+v", got)
		}
	})
}

// odd is a platform whose driver fails over some orders.
type odd struct{ *script }

func (o odd) Order(body []byte) (driver.Draft, error) {
	switch d, err := o.script.Order(body); {
	case d.Order.ExternalID == "surprise" && o.rules.Load() > 1:
		return driver.Draft{}, errSurprise
	case d.Order.ExternalID == "upset" && o.rules.Load() > 1:
		panic(canary)
	default:
		return d, err
	}
}

// What the driver says is about the payload; what a database, or the vault, says is not: it ends the page, and nothing is
// passed over or told as refused.
func TestRenormaliseTellsTroubleFromRefusals(t *testing.T) {
	bodies := []string{"order 1 1", "order surprise 1", "order trouble 1", "order upset 1", "order well 1"} // in the order of ids
	renewing(t, bodies, func(t *testing.T, r *rig, n *Renormaliser) {
		r.pipeline.Platforms = map[hub.Platform]driver.Storefront{hub.Shopify: odd{r.script}}
		for _, trouble := range []error{
			hub.Errorf(hub.KindInternal, "saving orders", "unknown column"), errSurprise,
			&hub.Error{Kind: hub.KindInternal, Code: gdpr.CodeRootMismatch, Op: "sealing"},
		} {
			r.store.set(nil, func(id hub.ExternalID) error {
				if id == "trouble" {
					return trouble
				}
				return nil
			})
			page, err := n.Page(t.Context(), "ten_a", AppliedFilter{}, "", 10, false)
			if err != nil || !page.More || page.Counts[RenewRenewed]+page.Counts[RenewCurrent] != 1 || page.Counts[RenewRefused] != 1 || len(page.Counts) != 2 {
				t.Fatalf("%v: %+v, %v", trouble, page.Counts, err)
			}
			if _, err := n.Page(t.Context(), "ten_a", AppliedFilter{}, page.Next, 10, false); !errors.Is(err, trouble) {
				t.Errorf("the next page: %v, want %v", err, trouble)
			}
		}
		r.store.set(nil, nil)
		if got := r.renew(n, AppliedFilter{}, false); !maps.Equal(got.Counts, map[RenewOutcome]int{RenewCurrent: 1, RenewRenewed: 2, RenewRefused: 2}) {
			t.Errorf("afterwards: %v", got.Counts)
		}
	})
}
