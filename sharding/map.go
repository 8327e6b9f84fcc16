package sharding

import (
	"slices"
	"strconv"

	"hub"
)

// CodeMapInvalid marks a slot map that does not give each slot exactly one owner.
const CodeMapInvalid hub.Code = "slot_map_invalid"

// Map assigns every slot to a shard. The zero value owns nothing and is not valid; New and Parse make valid ones.
type Map struct {
	version int64
	owners  *[Slots]hub.ShardID // shared by copies, never written after it was made
}

// New returns version 1 of a map that spreads the slots evenly: no shard owns more than one slot more than another. The
// order of shards matters; they are distinct and not empty.
func New(shards []hub.ShardID) (Map, error) {
	if len(shards) == 0 || len(shards) > Slots {
		return Map{}, invalid("needs 1 to %d shards, got %d", Slots, len(shards))
	}
	seen := make(map[hub.ShardID]bool, len(shards))
	for _, id := range shards {
		if id == "" || seen[id] {
			return Map{}, invalid("shard %q is empty or named twice", id)
		}
		seen[id] = true
	}
	m := Map{version: 1, owners: new([Slots]hub.ShardID)}
	for slot := range m.owners {
		m.owners[slot] = shards[slot*len(shards)/Slots]
	}
	return m, nil
}

// Version grows with every change of the map; 0 means that there is no map.
func (m Map) Version() int64 { return m.version }

// Of returns the shard that owns a tenant, "" when there is no map.
func (m Map) Of(tenant hub.TenantID) hub.ShardID { return m.Owner(SlotOf(tenant)) }

// Owner returns the shard that owns a slot, "" when there is no map. A slot outside of 0 to Slots−1 panics.
func (m Map) Owner(slot int) hub.ShardID {
	if m.owners == nil {
		return ""
	}
	return m.owners[slot]
}

// Shards returns the shards that own a slot, sorted: by length first, so that s10 comes after s9.
func (m Map) Shards() []hub.ShardID {
	var ids []hub.ShardID
	for _, r := range m.ranges() {
		if !slices.Contains(ids, r.shard) {
			ids = append(ids, r.shard)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

// span is a run of slots, both ends included, with one owner.
type span struct {
	shard       hub.ShardID
	first, last int
}

// ranges returns the runs of slots in ascending order.
func (m Map) ranges() []span {
	var runs []span
	if m.owners == nil {
		return nil
	}
	for slot, shard := range m.owners {
		if n := len(runs); n > 0 && runs[n-1].shard == shard {
			runs[n-1].last = slot
			continue
		}
		runs = append(runs, span{shard, slot, slot})
	}
	return runs
}

func compareIDs(a, b hub.ShardID) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func invalid(format string, args ...any) error {
	err := hub.Errorf(hub.KindInvalid, "reading slot map", format, args...)
	err.Code = CodeMapInvalid
	return err
}

func (s span) String() string { return strconv.Itoa(s.first) + "-" + strconv.Itoa(s.last) }
