package relaytest_test

import (
	"testing"
	"time"

	"hub/internal/relay"
	"hub/internal/relay/relaytest"
)

func TestMemoryBroker(t *testing.T) {
	relaytest.RunBroker(t, func(*testing.T) (relay.Broker, relaytest.BrokerFaults) {
		b := &relaytest.Broker{Clock: time.Now, Window: 168 * time.Hour}
		return b, relaytest.BrokerFaults{Empty: b.Empty, Delete: b.Delete, Window: b.Window}
	})
}
