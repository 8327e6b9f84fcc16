package intake

import "hub"

// fair queues entries by tenant and hands them out in turns, so that a tenant with a thousand deliveries waits for itself
// only.
type fair struct {
	byTenant map[hub.TenantID][]entry
	turn     []hub.TenantID // tenants that have entries, the next one first
	n        int
}

func (f *fair) len() int { return f.n }

func (f *fair) push(e entry) {
	if f.byTenant == nil {
		f.byTenant = map[hub.TenantID][]entry{}
	}
	q := f.byTenant[e.tenant]
	if len(q) == 0 {
		f.turn = append(f.turn, e.tenant)
	}
	f.byTenant[e.tenant] = append(q, e)
	f.n++
}

// take removes up to rows entries of together up to bytes, but at least one if there is one.
func (f *fair) take(rows, bytes int) (batch []entry) {
	for len(f.turn) > 0 && len(batch) < rows {
		tenant := f.turn[0]
		q := f.byTenant[tenant]
		if bytes -= q[0].size; bytes < 0 && len(batch) > 0 {
			break
		}
		batch = append(batch, q[0])
		f.n--
		f.turn = f.turn[1:]
		if len(q) == 1 {
			delete(f.byTenant, tenant)
			continue
		}
		f.byTenant[tenant] = q[1:]
		f.turn = append(f.turn, tenant)
	}
	return batch
}
