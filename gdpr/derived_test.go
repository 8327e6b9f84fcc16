package gdpr

import (
	"fmt"
	"testing"

	"hub"
)

// shelved is a cache with two persons and two lots, and the row keys of each person under each lot.
func shelved(most int) (c *cache, persons, lots []*key, rows map[string]*rowKey) {
	c, rows = newCache(most), map[string]*rowKey{}
	for i := range 2 {
		persons = append(persons, &key{id: fmt.Sprint("sub_", i), kind: KindSubject})
		lots = append(lots, &key{id: fmt.Sprint("lot_", i), kind: KindLot, tag: [32]byte{byte(i + 1)}})
		c.add(persons[i], 0)
		c.add(lots[i], 0)
	}
	for p, person := range persons {
		for l, lot := range lots {
			c.keepRow(person, lot, hub.P1, rowKey{byte(p + 1), byte(l + 1)})
			held := c.byID[person.id].Value.(*cached).rows
			rows[fmt.Sprintf("%d%d", p, l)] = &held[len(held)-1].row
		}
	}
	return c, persons, lots, rows
}

// zeroed lists the row keys of which nothing is left in memory.
func zeroed(rows map[string]*rowKey) (n map[string]bool) {
	n = map[string]bool{}
	for name, row := range rows {
		if *row == (rowKey{}) {
			n[name] = true
		}
	}
	return n
}

// A row key ends with either of its keys, at the same moment, and its bytes with it.
func TestRowKeysEnd(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(*cache)
		want string
	}{
		"nobody":   {func(*cache) {}, "map[]"},
		"a person": {func(c *cache) { c.drop([]string{"sub_0"}) }, "map[00:true 01:true]"},
		"a lot":    {func(c *cache) { c.drop([]string{"lot_1"}) }, "map[01:true 11:true]"},
		"both":     {func(c *cache) { c.drop([]string{"lot_1", "sub_0"}) }, "map[00:true 01:true 11:true]"},
		"all":      {func(c *cache) { c.clear() }, "map[00:true 01:true 10:true 11:true]"},
		"room for others": {func(c *cache) { // the person used longest ago, then a lot
			c.add(&key{id: "sub_2", kind: KindSubject}, 0)
			c.add(&key{id: "sub_3", kind: KindSubject}, 0)
		}, "map[00:true 01:true 10:true]"},
	} {
		cache, persons, lots, rows := shelved(4)
		c.end(cache)
		if got := fmt.Sprint(zeroed(rows)); got != c.want {
			t.Errorf("%s ended: zeroed %s, want %s", what, got, c.want)
		}
		for p, person := range persons {
			for l, lot := range lots {
				row, ok := cache.row(person, lot, hub.P1)
				if gone := *rows[fmt.Sprintf("%d%d", p, l)] == (rowKey{}); ok == gone || ok && row != (rowKey{byte(p + 1), byte(l + 1)}) {
					t.Errorf("%s ended: person %d under lot %d: %v, %v", what, p, l, row[:2], ok)
				}
			}
		}
	}
}

// What was derived before a key ended is not held after that, nor under a key that only has the same id, nor for another class.
func TestRowKeysComeLate(t *testing.T) {
	c, persons, lots, _ := shelved(10)
	c.drop([]string{"sub_0", "lot_1"})
	for _, late := range [][2]*key{{persons[0], lots[0]}, {persons[1], lots[1]}, {{id: "sub_1"}, lots[0]}, {persons[1], {id: "lot_0"}}} {
		c.keepRow(late[0], late[1], hub.P1, rowKey{9})
		if row, ok := c.row(late[0], late[1], hub.P1); ok {
			t.Errorf("%s under %s is held: %v", late[0].id, late[1].id, row[:2])
		}
	}
	if row, ok := c.row(persons[1], lots[0], hub.P2); ok {
		t.Errorf("of another class: %v", row[:2])
	}
	if row, ok := c.row(persons[1], lots[0], hub.P1); !ok || row != (rowKey{2, 1}) {
		t.Errorf("the survivor's: %v, %v", row[:2], ok)
	}
}

// Of one person few are held, and which are not are zeroed.
func TestRowKeysAreBounded(t *testing.T) {
	c, person := newCache(100), &key{id: "sub_0", kind: KindSubject}
	c.add(person, 0)
	var first *rowKey
	for i := range 3 * mostRows {
		lot := &key{id: fmt.Sprint("lot_", i), kind: KindLot, tag: [32]byte{byte(i + 1)}}
		c.add(lot, 0)
		c.keepRow(person, lot, hub.P1, rowKey{byte(i + 1)})
		held := c.byID[person.id].Value.(*cached).rows
		if len(held) != min(i+1, mostRows) {
			t.Fatalf("%d row keys after %d", len(held), i+1)
		}
		if i == 0 {
			first = &held[0].row
		}
		if got, ok := c.row(person, lot, hub.P1); !ok || got != (rowKey{byte(i + 1)}) {
			t.Fatalf("the newest is not held")
		}
	}
	if *first != (rowKey{}) {
		t.Error("what was put out is still in memory")
	}
}
