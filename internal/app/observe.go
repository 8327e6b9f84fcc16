package app

import (
	"context"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/wal"
)

// Phase is a stretch of work that a crash may fall into.
type Phase int

// The phases.
const (
	PhaseAppend   Phase = iota // a delivery waits for the log
	PhaseApply                 // a transaction is being filled
	PhaseCommit                // a filled transaction is being committed
	PhaseFence                 // the vault notes a fence
	PhaseKill                  // the vault kills keys
	PhaseCycle                 // a forget cycle begins, ends, or takes a step
	PhaseRewrap                // what one slot holds is wrapped again
	PhaseKeyring               // the keyring is replaced
	PhaseRoot                  // a root is made or destroyed
	PhaseMove                  // the hub's own disk moves to a new root
	PhaseRelay                 // a publication is under way
	PhaseDisclose              // what is about to be served is put on record
	PhaseFile                  // what was put on record is filed, if there is enough of it

	// Phases is how many there are.
	Phases = int(PhaseFile) + 1
)

// Observer is told when a phase begins; what it returns is called when it ends. It is called from many goroutines at once
// and must be quick. Drills use it to know where their kills fell.
type Observer func(Phase) (end func())

// log watches appends.
func (o Observer) log(l intake.Appender) intake.Appender {
	if o == nil {
		return l
	}
	return observedLog{l, o}
}

type observedLog struct {
	intake.Appender
	observe Observer
}

func (l observedLog) Append(ctx context.Context, payload []byte) (wal.Index, error) {
	defer l.observe(PhaseAppend)()
	return l.Appender.Append(ctx, payload)
}

// shards watches transactions.
func (o Observer) shards(s hub.Shards) hub.Shards {
	if o == nil {
		return s
	}
	return observedShards{s, o}
}

type observedShards struct {
	hub.Shards
	observe Observer
}

func (s observedShards) Do(ctx context.Context, shard hub.ShardID, f func(context.Context, hub.Tx) error) error {
	end := s.observe(PhaseApply)
	defer func() { end() }()
	return s.Shards.Do(ctx, shard, func(ctx context.Context, tx hub.Tx) error {
		end()
		end = s.observe(PhaseApply) // the closure may run again
		if err := f(ctx, tx); err != nil {
			return err
		}
		end()
		end = s.observe(PhaseCommit)
		return nil
	})
}

// disclosures watches the record of what was served to whom.
func (o Observer) disclosures(d erp.Disclosures) erp.Disclosures {
	if o == nil {
		return d
	}
	return observedDisclosures{d, o}
}

type observedDisclosures struct {
	erp.Disclosures
	observe Observer
}

func (d observedDisclosures) Disclose(ctx context.Context, shard hub.ShardID, answers []erp.Answer) ([][]gdpr.SubjectID, error) {
	defer d.observe(PhaseDisclose)()
	return d.Disclosures.Disclose(ctx, shard, answers)
}

func (d observedDisclosures) File(ctx context.Context, shard hub.ShardID) error {
	defer d.observe(PhaseFile)()
	return d.Disclosures.File(ctx, shard)
}
