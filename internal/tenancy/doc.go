// Package tenancy keeps who may come in: tenants, apps (sets of platform credentials), connections (shops) and API keys,
// and the directory that a hub holds of them in memory.
//
// It promises that a platform account belongs to one connection over all tenants, that secrets are stored sealed and
// keys hashed, that a revoked key is refused by every hub within the stated bound of a refresh, and that a hub whose
// databases are down still knows its endpoints from its last sealed copy. It moves no order and no money.
package tenancy
