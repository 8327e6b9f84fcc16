// Package gdpr seals personal data under keys that can be destroyed one by one: a person, an age and a shop are each
// forgotten by the death of one key.
//
// It promises that a sealed value opens only at the place it was sealed for (tenant, table, row, field class, row
// version) and only while every key that its header names exists: all subjects of the order, and the lot of its
// connection, class and week. It promises that a damaged, moved or truncated value is refused with hub.CodeUnreadable,
// that a missing key is told apart from damage (CodeKeyGone), and that no error text holds a key or anything sealed. A
// key is durable in the vault before anything is sealed under it. The byte formats are in docs/format-sealed.md, from
// which a reader in any language can be written.
//
// It does not promise that key material leaves the memory of the process: Go moves and copies values, so nothing here
// pretends to wipe them. Keys therefore also live in swap and core dumps unless the operator turns those off. It does
// not hide how long a plaintext is, how many subjects share it, or that two values belong to the same subject. Whoever
// holds the root and the vault reads everything that lives.
//
// Between the root and the keys of the vault is the keyring: a key for each of 65,536 buckets and for each week in which
// something expires. What dies leaves its slot dirty; a forget cycle (package forget) gives dirty slots new keys, wraps
// again what lives, and seals the keyring under the next root. When the root before is destroyed, no old copy of the vault
// opens what died, and no old copy of the index of persons answers a guess.
//
// Hubs hold the keyring and the keys used last in memory, under a lease of 5 s that each answered poll of the vault begins
// anew: it promises that a key which ended is used nowhere after that. It promises that a person who was erased is not
// written again by late news of orders placed before, and is somebody new with the next purchase. One race is left to the
// sweep that follows each erasure: a person who is created by one hub, erased, and created again by a second hub that
// looked before the first and stood still for less than a lease.
package gdpr
