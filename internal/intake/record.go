package intake

import (
	"encoding/binary"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
)

// recordFormat is the first byte of a record in the log.
const recordFormat = 1

// Head is the clear part of a record: what a drainer needs to route it, and nothing of a person. The sealed part is bound
// to it.
type Head struct {
	Platform   hub.Platform
	App        hub.AppID
	Tenant     hub.TenantID
	Connection hub.ConnectionID // empty when no connection was found
	ReceivedAt time.Time
	Nonce      [16]byte // makes every head different, so that no sealed part fits another record
}

// fields is a cursor over length-prefixed fields; a short or oversized field makes it bad for good.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) next() []byte {
	n, used := binary.Uvarint(f.rest)
	if used <= 0 || n > uint64(len(f.rest)-used) {
		f.bad, f.rest = true, nil
		return nil
	}
	field := f.rest[used : used+int(n)]
	f.rest = f.rest[used+int(n):]
	return field
}

func (f *fields) text() string { return string(f.next()) }

func (f *fields) time() time.Time {
	field := f.next()
	if len(field) != 8 {
		f.bad = f.bad || len(field) != 0
		return time.Time{}
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(field))).UTC()
}

func appendField(b []byte, field string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))), field...)
}

// appendTime writes whole microseconds; a zero time is an empty field.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.BigEndian.AppendUint64(append(b, 8), uint64(t.UnixMicro()))
}

func (h Head) encode() []byte { return h.append(make([]byte, 0, 160)) }

func (h Head) append(b []byte) []byte {
	b = append(b, recordFormat)
	b = appendField(b, string(h.Platform))
	b = appendField(b, string(h.App))
	b = appendField(b, string(h.Tenant))
	b = appendField(b, string(h.Connection))
	b = appendTime(b, h.ReceivedAt)
	return appendField(b, string(h.Nonce[:]))
}

// place binds the sealed part to its head.
func (h Head) place(encoded []byte) gdpr.Place {
	return gdpr.Place{Tenant: h.Tenant, Table: "wal", Row: string(encoded), Class: hub.P1}
}

// splitRecord cuts a record into its head and its sealed part.
func splitRecord(record []byte) (h Head, encoded, sealed []byte, err error) {
	if err := checkFormat("reading log record", record); err != nil {
		return Head{}, nil, nil, err
	}
	f := fields{rest: record[1:]}
	h.Platform, h.App = hub.Platform(f.text()), hub.AppID(f.text())
	h.Tenant, h.Connection = hub.TenantID(f.text()), hub.ConnectionID(f.text())
	h.ReceivedAt = f.time()
	nonce := f.next()
	if f.bad || h.Tenant == "" || len(nonce) != len(h.Nonce) {
		return Head{}, nil, nil, unreadable("reading log record", "")
	}
	copy(h.Nonce[:], nonce)
	return h, record[:len(record)-len(f.rest)], f.rest, nil
}

// resealed returns the same record under the newest key: the old one dies when the log has drained past the old place. A
// record whose key is not there is returned as it is, for a key that comes back needs no more than the record. What another
// version of this program wrote cannot be sealed again and must stay where it is.
func resealed(key Sealer, lease gdpr.IntakeLease, record []byte) ([]byte, error) {
	head, encoded, sealed, err := splitRecord(record)
	if err != nil {
		return nil, err
	}
	plain, err := key.Open(head.place(encoded), sealed)
	if hub.CodeOf(err) == gdpr.CodeKeyGone {
		return record, nil
	}
	if err != nil {
		return nil, err
	}
	return lease.Seal(append(make([]byte, 0, len(record)), encoded...), head.place(encoded), plain)
}

// encodeDelivery is the plaintext of the sealed part, also of a parked delivery.
func encodeDelivery(d driver.Delivery) []byte {
	return appendDelivery(make([]byte, 0, len(d.Body)+256), d)
}

func appendDelivery(b []byte, d driver.Delivery) []byte {
	b = append(b, recordFormat)
	b = appendField(b, d.Topic)
	b = appendField(b, d.DeliveryID)
	b = appendField(b, d.Notice.Account)
	b = appendTime(b, d.TriggeredAt)
	b = appendField(b, d.APIVersion)
	b = appendField(b, d.Account)
	b = appendTime(b, d.ReceivedAt)
	return append(b, d.Body...)
}

func decodeDelivery(b []byte) (d driver.Delivery, err error) {
	if err := checkFormat("reading delivery", b); err != nil {
		return d, err
	}
	f := fields{rest: b[1:]}
	d.Topic, d.DeliveryID, d.Notice.Account = f.text(), f.text(), f.text()
	d.TriggeredAt, d.APIVersion = f.time(), f.text()
	d.Account, d.ReceivedAt = f.text(), f.time()
	if f.bad {
		return driver.Delivery{}, unreadable("reading delivery", "")
	}
	d.Body = f.rest
	return d, nil
}

// checkFormat tells what another version of the program wrote, which is kept and tried again, from damage.
func checkFormat(op string, b []byte) error {
	switch {
	case len(b) == 0:
		return unreadable(op, "")
	case b[0] != recordFormat:
		return hub.Errorf(hub.KindInternal, op, "format %d was written by another version of this program", b[0])
	}
	return nil
}

func unreadable(op, subject string) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: subject}
}
