package hub

// Class says how personal a field is (the tag `class` of every field of the order). A path that nobody classified is P1.
type Class string

// The classes, from most to least personal.
const (
	// P1 identifies a person or is free text. Sealed wherever it rests; served only under personal:read, and each
	// read is recorded first.
	P1 Class = "P1"
	// P2 can be linked to a person. Sealed like P1; never in a feed page or an event.
	P2 Class = "P2"
	// P3 is the business record without direct identifiers. In clear, in feed and events, deleted at the end of its
	// retention. It still is personal data of the merchant's customer in the eyes of the law.
	P3 Class = "P3"
)
