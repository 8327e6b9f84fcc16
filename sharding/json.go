package sharding

import (
	"bytes"
	"encoding/json"

	"hub"
)

// wire is the JSON form: for each shard its runs of slots, both ends included.
type wire struct {
	Version int64                    `json:"version"`
	Slots   int                      `json:"slots"`
	Shards  map[hub.ShardID][][2]int `json:"shards"`
}

// MarshalJSON returns {"version":1,"slots":1024,"shards":{"s0":[[0,511]],"s1":[[512,1023]]}}, the same bytes for equal
// maps. A map that owns nothing is an error.
func (m Map) MarshalJSON() ([]byte, error) {
	if m.owners == nil {
		return nil, invalid("there is no map")
	}
	w := wire{Version: m.version, Slots: Slots, Shards: make(map[hub.ShardID][][2]int)}
	for _, r := range m.ranges() {
		w.Shards[r.shard] = append(w.Shards[r.shard], [2]int{r.first, r.last})
	}
	return json.Marshal(w)
}

// Parse reads the JSON form. It refuses a map with a slot that nobody or two shards own, with another number of slots, or
// with members that it does not know: they could mean that a newer hub routes differently.
func Parse(b []byte) (Map, error) {
	var w wire
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return Map{}, invalid("is not JSON of the known form")
	}
	if d.More() {
		return Map{}, invalid("has something behind its end")
	}
	if w.Version < 1 || w.Slots != Slots {
		return Map{}, invalid("version %d with %d slots; the version starts at 1 and the slots are %d", w.Version, w.Slots, Slots)
	}
	m := Map{version: w.Version, owners: new([Slots]hub.ShardID)}
	for shard, runs := range w.Shards {
		for _, run := range runs {
			if err := m.assign(span{shard, run[0], run[1]}); err != nil {
				return Map{}, err
			}
		}
	}
	for slot, owner := range m.owners {
		if owner == "" {
			return Map{}, invalid("slot %d has no owner", slot)
		}
	}
	return m, nil
}

// assign gives a run of free slots to its shard. Only Parse calls it, before anybody else sees the map.
func (m Map) assign(s span) error {
	if s.shard == "" || s.first < 0 || s.last >= Slots || s.first > s.last {
		return invalid("shard %q cannot own %v", s.shard, s)
	}
	for slot := s.first; slot <= s.last; slot++ {
		if m.owners[slot] != "" {
			return invalid("slot %d has two owners, %q and %q", slot, m.owners[slot], s.shard)
		}
		m.owners[slot] = s.shard
	}
	return nil
}
