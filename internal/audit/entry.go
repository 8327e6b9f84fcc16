package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"hub"
)

// EntryPrefix begins the ids of entries.
const EntryPrefix = "aud_"

// Entry says that somebody did something. Nothing in it is personal.
type Entry struct {
	ID     string // unique over all databases of the installation
	Tenant hub.TenantID
	At     time.Time // UTC, whole microseconds
	Actor  hub.Actor
	Action string // such as key.create
	Target string // id of what was acted on
	Count  int64  // how many, where one entry stands for a batch
	Hub    string // instance that wrote the row, into whose log it goes
}

// Outbox is the rows that wait in the databases. Implementations are safe for concurrent use, and their methods may be
// repeated after any error.
type Outbox interface {
	// Sources names the databases. A name belongs to one database for the life of the installation: it is in the log, and
	// what the log holds beyond its cursor is deleted under that name. The list may grow while the hub runs.
	Sources() []string
	// Read returns up to limit rows of one source that this hub wrote, oldest first; what is not deleted is returned again.
	// With several hubs on one database each moves its own rows, so no row gets into two logs.
	Read(ctx context.Context, source string, limit int) ([]Entry, error)
	// Delete removes rows, durably when it returns. Rows that are gone already are no error.
	Delete(ctx context.Context, source string, ids []string) error
}

// format is the only one so far.
const format = 1

// record is one record of the log.
type record struct {
	Format  int    `json:"format"`
	Source  string `json:"source"`
	Entries []line `json:"entries"`
}

// line is an Entry on disk.
type line struct {
	ID      string       `json:"id"`
	Tenant  hub.TenantID `json:"tenant"`
	At      time.Time    `json:"at"`
	Key     hub.KeyID    `json:"key"`
	Role    string       `json:"role"`
	Request string       `json:"request"`
	Action  string       `json:"action"`
	Target  string       `json:"target"`
	Count   int64        `json:"count"`
	Hub     string       `json:"hub"`
}

func encode(source string, entries []Entry) ([]byte, error) {
	r := record{Format: format, Source: source}
	for _, e := range entries {
		r.Entries = append(r.Entries, line{
			ID: e.ID, Tenant: e.Tenant, At: e.At.UTC(), Key: e.Actor.Key, Role: e.Actor.Role, Request: e.Actor.Request,
			Action: e.Action, Target: e.Target, Count: e.Count, Hub: e.Hub,
		})
	}
	b, err := json.Marshal(r)
	if err != nil { // a year beyond 9999
		return nil, hub.Errorf(hub.KindInternal, "encoding audit entries", "%s: a value has no form in JSON", source)
	}
	return b, nil
}

// decode refuses what it does not know whole: dropping a field of a record would drop a piece of evidence.
func decode(b []byte) (source string, entries []Entry, err error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	switch err := d.Decode(&r); {
	case err != nil:
		return "", nil, unreadable("it is no JSON of this form")
	case d.InputOffset() != int64(len(b)):
		return "", nil, unreadable("something follows")
	case r.Format != format:
		return "", nil, unreadable("its format is not known")
	case r.Source == "" || len(r.Entries) == 0:
		return "", nil, unreadable("it has no source or no entries")
	}
	for _, l := range r.Entries {
		if l.ID == "" {
			return "", nil, unreadable("an entry has no id")
		}
		entries = append(entries, Entry{
			ID: l.ID, Tenant: l.Tenant, At: l.At, Actor: hub.Actor{Key: l.Key, Role: l.Role, Request: l.Request},
			Action: l.Action, Target: l.Target, Count: l.Count, Hub: l.Hub,
		})
	}
	return r.Source, entries, nil
}

func unreadable(why string) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: "reading audit record", Err: errors.New(why)}
}
