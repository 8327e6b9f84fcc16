package forgettest_test

import (
	"testing"
	"time"

	"hub"
	"hub/gdpr/forget/forgettest"
)

func TestMemory(t *testing.T) {
	forgettest.RunShard(t, func(*testing.T) forgettest.Fixture {
		clock := func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }
		m := forgettest.NewMemory(clock, func(t hub.TenantID) hub.ShardID {
			if t == "ten_c" {
				return "s2"
			}
			return "s1"
		})
		return forgettest.Fixture{Shards: m, Shard: m, Register: m, Tenants: [3]hub.TenantID{"ten_a", "ten_b", "ten_c"}, Put: m.Put, Values: m.Values}
	})
}
