package store

import (
	"context"
	"maps"
	"slices"

	"hub"
	"hub/gdpr/forget"
)

// The actions of audit records that the vault writes.
const (
	ActionFence          = "subject.fence"
	ActionKill           = "subject.kill"
	ActionKillLots       = "lots.kill"
	ActionKillCredential = "credential.kill"
	ActionCycle          = "forget.cycle"
	ActionLost           = "forget.unreadable" // what was damaged before the cycle and is lost with it
	ActionRemoveHub      = "hub.remove"
)

// recordEntries writes a record for each tenant that has new entries. It names the entry if there is one: an entry is
// kept for ever and tells nothing of the person.
func (t *tx) recordEntries(ctx context.Context, action string, entries []forget.Entry) error {
	if action == "" { // the shard records it
		return nil
	}
	deeds := map[hub.TenantID]deed{}
	for _, e := range entries {
		d := deeds[e.Tenant]
		d.action, d.tenant, d.target = action, e.Tenant, e.ID
		if d.count++; d.count > 1 {
			d.target = ""
		}
		deeds[e.Tenant] = d
	}
	for _, tenant := range slices.Sorted(maps.Keys(deeds)) {
		if err := t.record(ctx, deeds[tenant]); err != nil {
			return err
		}
	}
	return nil
}
