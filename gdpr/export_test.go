package gdpr

// Rewrap returns the row with another key in it, validly wrapped.
func Rewrap(root Root, row WrappedKey, key [32]byte) WrappedKey {
	row.Wrapped = root.wrapper(vaultWrapLabel).wrap(&key, row)
	return row
}

// CachedKeys counts the keys in memory.
func CachedKeys(k *Keys) int {
	k.cache.mu.Lock()
	defer k.cache.mu.Unlock()
	if n := k.cache.used.Len(); n != len(k.cache.byTag) || n != len(k.cache.byID) {
		panic("the cache's indexes disagree")
	}
	return k.cache.used.Len()
}
