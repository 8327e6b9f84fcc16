package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/relay"
)

// The streams. Subjects are hub.{tenant}.orders.{platform}.{created|updated|cancelled|refunded|deleted} and
// hub.{tenant}.dead.{consumer}.
const (
	StreamOrders = "HUB_ORDERS"
	StreamDead   = "HUB_DEAD"

	subjectsOrders = "hub.*.orders.>"
	subjectsDead   = "hub.*.dead.>"
)

// Limits. A batch of a thousand messages is the most that a server of version 2.15 takes (its
// streamDefaultMaxAtomicBatchSize); the bytes are ours, since both sides hold a batch in memory.
const (
	maxBatchMessages = 1000
	maxBatchBytes    = 4 << 20
	maxBatches       = 8       // at once from here; the server allows 50 a stream
	maxPayload       = 1 << 20 // of one message with its headers; the server's own default
	maxDocument      = 900 << 10
	envelopeRoom     = 8 << 10 // what envelope, subject and headers take at most

	duplicateWindow = 2 * time.Minute
	deadAge         = 30 * 24 * time.Hour
	sendTimeout     = 10 * time.Second // where the caller sets no deadline; a server forgets an open batch after 10 s, too
	wantReplicas    = 3
)

// lineFilter matches all subjects of a line, and nobody else's.
func lineFilter(l relay.Line) string {
	return "hub." + string(l.Tenant) + "." + string(l.Stream) + ".>"
}

// streamConfigs are the streams as they have to be. Reads go to a stream's leader, never to a copy that lags: Last is
// the truth about a line.
func (b *Bus) streamConfigs(replicas int) []jetstream.StreamConfig {
	orders := jetstream.StreamConfig{
		Name: StreamOrders, Subjects: []string{subjectsOrders}, MaxAge: b.config.Window,
		Duplicates: min(duplicateWindow, b.config.Window),
	}
	dead := jetstream.StreamConfig{
		Name: StreamDead, Subjects: []string{subjectsDead}, MaxAge: deadAge, Duplicates: duplicateWindow,
	}
	if b.config.MaxStore > 0 { // old events make room before the store is full, where new ones would be refused
		orders.MaxBytes, dead.MaxBytes = b.config.MaxStore/4*3, b.config.MaxStore/8
	}
	all := []jetstream.StreamConfig{orders, dead}
	for i := range all {
		all[i].Retention, all[i].Discard, all[i].Storage = jetstream.LimitsPolicy, jetstream.DiscardOld, jetstream.FileStorage
		all[i].Replicas, all[i].AllowAtomicPublish = replicas, true
	}
	return all
}

// ensure makes the streams that are missing and corrects those that differ. It may be called at any time.
func (b *Bus) ensure(ctx context.Context) error {
	b.ensuring.Lock()
	defer b.ensuring.Unlock()
	for _, want := range b.streamConfigs(b.replicas()) {
		if err := b.ensureStream(ctx, want); err != nil {
			return unavailable("preparing stream", want.Name, err)
		}
	}
	return nil
}

func (b *Bus) ensureStream(ctx context.Context, want jetstream.StreamConfig) error {
	have, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// Positions of a stream that is made anew are above all of the one before it, as none takes a million messages a
		// second: what a paused hub expects of that one fits nowhere in this one.
		made := want
		made.FirstSeq = uint64(b.config.Clock().UnixMicro())
		_, err = b.js.CreateStream(ctx, made)
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another hub was quicker, with other replicas
			return err
		}
		have, err = b.js.Stream(ctx, want.Name)
	}
	if err != nil {
		return err
	}
	config := have.CachedInfo().Config
	if b.config.MaxStore == 0 { // how much an external broker keeps is its operator's business
		want.MaxBytes = max(config.MaxBytes, 0)
	}
	if fits(config, want) {
		return nil
	}
	// What we do not know of stays as its operator set it, also more replicas.
	config.Subjects, config.MaxAge, config.MaxBytes = want.Subjects, want.MaxAge, want.MaxBytes
	config.Duplicates, config.Discard, config.AllowAtomicPublish = want.Duplicates, want.Discard, true
	config.MaxMsgSize, config.AllowDirect, config.Replicas = -1, false, max(config.Replicas, want.Replicas)
	_, err = b.js.UpdateStream(ctx, config)
	return err
}

// fits says whether a stream needs no correction.
func fits(have, want jetstream.StreamConfig) bool {
	return len(have.Subjects) == 1 && have.Subjects[0] == want.Subjects[0] && have.MaxAge == want.MaxAge &&
		max(have.MaxBytes, 0) == want.MaxBytes && have.Duplicates == want.Duplicates && have.Discard == want.Discard &&
		have.AllowAtomicPublish && have.MaxMsgSize <= 0 && !have.AllowDirect && have.Replicas >= want.Replicas
}

// replicas is how many servers keep each message: what was configured, else three where there are so many.
func (b *Bus) replicas() int {
	switch {
	case b.config.Replicas > 0:
		return b.config.Replicas
	case b.nc.ConnectedClusterName() != "" && len(b.nc.Servers()) >= wantReplicas:
		return wantReplicas
	}
	return 1
}

// unavailable is the error of a broker that could not be asked, or answered that it cannot.
func unavailable(op, subject string, err error) error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeBroker, Op: op, Subject: subject, Err: err}
}
