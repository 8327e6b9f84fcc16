package gdpr

import "hub"

// derived is the key and the commitment of what a person's values of one class and one lot are sealed under. It is held with
// the person's key and goes with it, or with the lot's, at the same moment: its bytes are zeroed.
type derived struct {
	lot   *key
	class hub.Class
	row   rowKey
}

// mostRows bounds the row keys that are held of one person: one who buys in more weeks waits some microseconds longer.
const mostRows = 4

// row returns the row key of values of one person under a lot, if both keys are still held.
func (c *cache) row(person, lot *key, class hub.Class) (rowKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.holder(person, lot); e != nil {
		for _, d := range e.rows {
			if d.lot == lot && d.class == class {
				return d.row, true
			}
		}
	}
	return rowKey{}, false
}

// keepRow holds a row key unless one of its keys is not held any more.
func (c *cache) keepRow(person, lot *key, class hub.Class, row rowKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.holder(person, lot)
	if e == nil {
		return
	}
	if len(e.rows) == mostRows {
		e.rows[0].row = rowKey{}
		e.rows = append(e.rows[:0], e.rows[1:]...)
	}
	e.rows = append(e.rows, &derived{lot, class, row})
}

// holder is where the person is held; nil unless person and lot are the keys that are held.
func (c *cache) holder(person, lot *key) *cached {
	held := func(k *key) *cached {
		if at := c.byID[k.id]; at != nil && at.Value.(*cached).key == k {
			return at.Value.(*cached)
		}
		return nil
	}
	if held(lot) == nil {
		return nil
	}
	return held(person)
}

// forget drops the row keys under a lot, or all of them when it is nil.
func (e *cached) forget(lot *key) {
	kept := e.rows[:0]
	for _, d := range e.rows {
		if lot != nil && d.lot != lot {
			kept = append(kept, d)
			continue
		}
		d.row = rowKey{}
	}
	clear(e.rows[len(kept):])
	e.rows = kept
}
