package app

import (
	"context"
	"fmt"
	"path/filepath"

	"hub/internal/bus"
	"hub/internal/config"
)

// brokerCheck is the name of the check.
const brokerCheck = "broker"

// checkBroker looks at what tells the changes. Nothing else depends on it, and /readyz says whether the hub gets on with it.
func checkBroker(ctx context.Context, cfg config.Config) Check {
	if cfg.Bus == config.Embedded {
		dir := filepath.Join(cfg.Data, "jetstream")
		kept, err := bus.LookAtFolder(dir)
		return embeddedBroker(kept, streamRoom(dir, cfg.Data), err)
	}
	report, err := bus.Look(ctx, cfg.Bus.Reveal())
	return externalBroker(report, err)
}

// embeddedBroker judges the folder of the broker in the hub itself.
func embeddedBroker(kept bus.Kept, room int64, err error) Check {
	switch {
	case err != nil:
		return failed(brokerCheck, "embedded: its folder is not readable", "run doctor as the user that runs the hub")
	case kept.Aside != "":
		return warning(brokerCheck, "embedded: a store that did not open was put aside, what it held was told again",
			"look at the disk; then delete "+kept.Aside)
	}
	return ok(brokerCheck, fmt.Sprintf("embedded: %d MiB on disk, bound %d MiB", kept.Bytes>>20, room>>20))
}

// externalBroker judges a cluster or server.
func externalBroker(r bus.Report, err error) Check {
	switch {
	case err != nil && r.Version == "":
		return failed(brokerCheck, "not reached: "+err.Error(), "start it, or correct HUB_BUS; changes wait in the shards until then")
	case err != nil:
		return failed(brokerCheck, "nats-server "+r.Version+" has no JetStream for this user: "+err.Error(), "enable JetStream, or grant it")
	case !r.Current:
		return failed(brokerCheck, "nats-server "+r.Version+" is too old", "upgrade it to 2.12.3 or later")
	case r.Replicas == 0:
		return warning(brokerCheck, "nats-server "+r.Version+" answers; the stream is not made yet", "the first start makes it")
	}
	return ok(brokerCheck, fmt.Sprintf("nats-server %s answers; %d changes in the stream, %d MiB on each of %d servers",
		r.Version, r.Messages, r.Bytes>>20, r.Replicas))
}
