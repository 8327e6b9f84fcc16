package sharding

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hub"
)

// The slots were computed outside of Go: printf %s NAME | sha256sum, the first ten bits.
func TestSlotOfNeverChanges(t *testing.T) {
	golden := map[hub.TenantID]int{
		"":                               0xe3b0 >> 6,
		"abc":                            0xba78 >> 6,
		"ten_00000000000000000000000000": 0xf842 >> 6,
		"ten_06f3jq3xzm5ayc8n1t2v4w6k8r": 0xad74 >> 6,
	}
	for tenant, want := range golden {
		if got := SlotOf(tenant); got != want {
			t.Errorf("SlotOf(%q) = %d, want %d", tenant, got, want)
		}
	}
}

func TestNewSpreadsEvenly(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7, 100, Slots} {
		m, err := New(names(n))
		if err != nil {
			t.Fatal(err)
		}
		count := map[hub.ShardID]int{}
		for slot := range Slots {
			count[m.Owner(slot)]++
		}
		sizes := slices.Collect(maps.Values(count))
		if len(count) != n || slices.Max(sizes)-slices.Min(sizes) > 1 {
			t.Errorf("%d shards: %d own slots, from %d to %d each", n, len(count), slices.Min(sizes), slices.Max(sizes))
		}
		if got := m.Shards(); !slices.Equal(got, names(n)) {
			t.Errorf("%d shards: Shards() = %v", n, got)
		}
		if m.Version() != 1 {
			t.Errorf("a new map has version %d", m.Version())
		}
	}
}

func TestTenantsSpread(t *testing.T) {
	m, err := New(names(4))
	if err != nil {
		t.Fatal(err)
	}
	count := map[hub.ShardID]int{}
	for i := range 20000 {
		count[m.Of(hub.TenantID(fmt.Sprintf("ten_%026d", i)))]++
	}
	for shard, n := range count {
		if n < 4700 || n > 5300 {
			t.Errorf("shard %s owns %d of 20000 tenants", shard, n)
		}
	}
	t.Logf("20000 tenants: %v", count)
}

func TestNewRefuses(t *testing.T) {
	for _, shards := range [][]hub.ShardID{nil, {""}, {"s0", "s0"}, names(Slots + 1)} {
		if _, err := New(shards); hub.CodeOf(err) != CodeMapInvalid {
			t.Errorf("New(%d shards) = %v", len(shards), err)
		}
	}
}

func TestParseReadsWhatMarshalWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Map{version: rapid.Int64Range(1, 1<<40).Draw(t, "version"), owners: new([Slots]hub.ShardID)}
		for slot := range m.owners {
			m.owners[slot] = hub.ShardID(rapid.SampledFrom([]string{"s0", "s1", "s2", "s10"}).Draw(t, "owner"))
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if got.version != m.version || *got.owners != *m.owners {
			t.Fatal("the map that was read differs from the one that was written")
		}
	})
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]string{
		"a gap":            `{"version":1,"slots":1024,"shards":{"s0":[[0,511]],"s1":[[513,1023]]}}`,
		"two owners":       `{"version":1,"slots":1024,"shards":{"s0":[[0,512]],"s1":[[512,1023]]}}`,
		"too far":          `{"version":1,"slots":1024,"shards":{"s0":[[0,1024]]}}`,
		"backwards":        `{"version":1,"slots":1024,"shards":{"s0":[[0,1023],[9,3]]}}`,
		"negative":         `{"version":1,"slots":1024,"shards":{"s0":[[-1,1023]]}}`,
		"nameless":         `{"version":1,"slots":1024,"shards":{"":[[0,1023]]}}`,
		"other slots":      `{"version":1,"slots":2048,"shards":{"s0":[[0,1023]]}}`,
		"no version":       `{"slots":1024,"shards":{"s0":[[0,1023]]}}`,
		"unknown member":   `{"version":1,"slots":1024,"pins":{},"shards":{"s0":[[0,1023]]}}`,
		"something behind": `{"version":1,"slots":1024,"shards":{"s0":[[0,1023]]}} {}`,
		"not JSON":         `s0`,
		"nothing":          ``,
	}
	for name, text := range cases {
		if _, err := Parse([]byte(text)); hub.CodeOf(err) != CodeMapInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := json.Marshal(Map{}); err == nil || !strings.Contains(err.Error(), string(CodeMapInvalid)) {
		t.Errorf("marshalling no map: %v", err)
	}
	if (Map{}).Of("ten_x") != "" || (Map{}).Shards() != nil {
		t.Error("no map owns something")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"slots":1024,"shards":{"s0":[[0,1023]]}}`))
	f.Add([]byte(`{"version":1,"slots":1024,"shards":{"s0":[[0,9]],"s1":[[10,1023]]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		for slot := range Slots {
			if m.Owner(slot) == "" {
				t.Fatalf("slot %d of an accepted map has no owner", slot)
			}
		}
	})
}

func names(n int) []hub.ShardID {
	ids := make([]hub.ShardID, n)
	for i := range ids {
		ids[i] = hub.ShardID(fmt.Sprintf("s%d", i))
	}
	return ids
}
