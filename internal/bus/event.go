package bus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// Headers of an event. HeaderSequence is the change's number in its line; HeaderTrace is a W3C traceparent with one
// trace a change, so that all who log it agree without storing anything.
const (
	HeaderSequence = "Hub-Sequence"
	HeaderTrace    = "traceparent"
)

// The members of the envelope (CloudEvents 1.0, JSON, structured mode).
const (
	specVersion     = "1.0"
	contentType     = "application/json"
	dataSchema      = "/schemas/order-event-1.json"
	unknownPlatform = "unknown"
	headSize        = 512 // the platform stands in the first bytes of a document, behind three identifiers
)

// encode makes the message of a change. A document above limit bytes stays away: the event is thin, and the feed has it.
// The document is copied as it is, never decoded; it is P3 already.
func encode(c hub.Change, limit int) (*nats.Msg, error) {
	subject, err := Subject(c)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(c.Doc)+envelopeRoom/8)
	member := func(name, value string) {
		b = append(append(b, ',', '"'), name...)
		b = append(b, '"', ':')
		b = appendString(b, value)
	}
	b = append(b, `{"specversion":"`+specVersion+`"`...)
	member("id", string(c.ID))
	member("source", "/hub/"+string(c.Tenant)+"/"+string(c.Stream))
	member("type", string(c.Type))
	member("subject", string(c.OrderID))
	member("time", c.Time.UTC().Format(time.RFC3339Nano))
	member("datacontenttype", contentType)
	member("dataschema", dataSchema)
	b = appendString(append(b, `,"data":{"tenant_id":`...), string(c.Tenant))
	b = strconv.AppendInt(append(b, `,"sequence":`...), c.Sequence, 10)
	member("order_id", string(c.OrderID))
	b = strconv.AppendInt(append(b, `,"revision":`...), c.Revision, 10)
	if len(c.Doc) == 0 || len(c.Doc) > limit {
		b = append(b, `,"thin":true}}`...)
	} else {
		b = append(append(append(b, `,"order":`...), c.Doc...), '}', '}')
	}
	return &nats.Msg{Subject: subject, Data: b, Header: nats.Header{
		jetstream.MsgIDHeader: {string(c.ID)},
		HeaderSequence:        {strconv.FormatInt(c.Sequence, 10)},
		HeaderTrace:           {Traceparent(c.ID)},
	}}, nil
}

// Subject is where a change is told: hub.{tenant}.orders.{platform}.{verb}. It is KindPermanent when a part of it cannot
// stand in a subject.
func Subject(c hub.Change) (string, error) {
	_, verb, _ := strings.Cut(string(c.Type), ".")
	parts := []string{"hub", string(c.Tenant), string(c.Stream), platformOf(c.Doc), verb}
	for _, p := range parts {
		if !token(p) {
			return "", &hub.Error{Kind: hub.KindPermanent, Code: CodeEvent, Op: "making event"}
		}
	}
	if c.Stream != hub.StreamOrders || !token(string(c.ID)) || c.Sequence <= 0 {
		return "", &hub.Error{Kind: hub.KindPermanent, Code: CodeEvent, Op: "making event"}
	}
	return strings.Join(parts, "."), nil
}

// platformOf finds the platform in the head of a document. Only the hub's own identifiers stand before it, and quotes
// inside of a value are escaped, so what looks like the member is it.
func platformOf(doc []byte) string {
	_, rest, found := bytes.Cut(doc[:min(len(doc), headSize)], []byte(`"platform":"`))
	name, _, closed := bytes.Cut(rest, []byte(`"`))
	if !found || !closed || !token(string(name)) {
		return unknownPlatform
	}
	return string(name)
}

// token says whether s can be one part of a subject: letters, digits, - and _.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// appendString appends s as JSON.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string always can
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// Traceparent is the trace of a change: its 16 bytes as trace, 8 derived ones as span, not sampled.
func Traceparent(id hub.ChangeID) string {
	trace, ok := uuidOf(id)
	sum := sha256.Sum256([]byte(id))
	if !ok { // not an identifier of ours, or all zero, which the standard forbids
		copy(trace[:], sum[8:])
	}
	return "00-" + hex.EncodeToString(trace[:]) + "-" + hex.EncodeToString(sum[:8]) + "-00"
}
