package gdpr

// WrapOther returns the row with another key in it, validly wrapped.
func WrapOther(k *Keys, row WrappedKey, key [32]byte) WrappedKey {
	row.Wrapped = k.ring.Load().wrap(&key, row)
	return row
}

// DropCache forgets all keys in memory.
func DropCache(k *Keys) { k.cache.clear() }

// CachedKeys counts the keys in memory.
func CachedKeys(k *Keys) int {
	k.cache.mu.Lock()
	defer k.cache.mu.Unlock()
	named := 0
	for at := k.cache.used.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*cached); e.named {
			named++
			if k.cache.byName[e.name] != at {
				panic("the cache's names disagree")
			}
		}
	}
	if n := k.cache.used.Len(); n != len(k.cache.byID) || named != len(k.cache.byName) {
		panic("the cache's indexes disagree")
	}
	return k.cache.used.Len()
}

// RowKeys returns the row keys in memory, not copies of them.
func RowKeys(k *Keys) (rows []*[64]byte) {
	k.cache.mu.Lock()
	defer k.cache.mu.Unlock()
	for at := k.cache.used.Front(); at != nil; at = at.Next() {
		for _, d := range at.Value.(*cached).rows {
			rows = append(rows, (*[64]byte)(&d.row))
		}
	}
	return rows
}
