package audit

import (
	"iter"

	"hub/internal/wal"
)

// Entries returns everything that is durable in the log now, in the order of the log. It ends after an error: of the disk,
// or hub.KindPermanent for a record that cannot be read.
func Entries(log *wal.Log) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := records(log, log.Oldest(), func(_ wal.Record, _ string, entries []Entry) bool {
			for _, e := range entries {
				if !yield(e, nil) {
					return false
				}
			}
			return true
		})
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// records reads from an index to the end of what is durable, until f returns false.
func records(log *wal.Log, from wal.Index, f func(r wal.Record, source string, entries []Entry) bool) error {
	reader, err := log.Reader(from)
	if err != nil {
		return err
	}
	for last := log.Synced(); from <= last; from++ {
		r, ok, err := reader.TryNext()
		if err != nil || !ok {
			return err
		}
		source, entries, err := decode(r.Payload)
		if err != nil {
			return err
		}
		if !f(r, source, entries) {
			return nil
		}
	}
	return nil
}
