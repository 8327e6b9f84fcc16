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
// For now the root wraps every key of the vault directly. Buckets, weeks, the keyring and the forget cycle will come
// between them without a change for those who call Keys.
package gdpr
