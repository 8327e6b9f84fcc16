package obs

import (
	"io"
	"log/slog"
	"slices"
	"strings"
)

// withheld stands in the log where a value does not.
const withheld = "[withheld]"

// private are the words that names of personal or secret attributes are made of. The hub's own code logs none of them;
// this is the net under it, also for libraries.
var private = []string{
	"email", "mail", "phone", "address", "street", "city", "zip", "postal", "postcode", "birthday", "taxid", "vat", "cpf", "cnpj", "passport",
	"firstname", "lastname", "fullname", "recipient", "payer", "buyer", "customer", "body", "payload", "query",
	"secret", "password", "passwd", "token", "authorization", "cookie", "apikey", "dsn", "signature", "hmac",
}

// NewLogger returns a logger that writes lines of text or JSON and withholds attributes whose names tell that they are
// personal or secret, in groups too. Line breaks and control characters in values are escaped by both formats.
func NewLogger(w io.Writer, level slog.Leveler, asJSON bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: withhold}
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// withhold looks at the words of a name: buyer_email and buyerEmail have two, mailbox has one and is harmless.
func withhold(_ []string, a slog.Attr) slog.Attr {
	list := words(a.Key)
	for i, word := range list {
		pair := word
		if i+1 < len(list) {
			pair = word + list[i+1]
		}
		if slices.Contains(private, word) || slices.Contains(private, pair) {
			return slog.String(a.Key, withheld)
		}
	}
	return a
}

// words splits a name at underscores, dashes, dots and capitals, in lower case.
func words(name string) []string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case r == '_' || r == '-' || r == '.' || r == ' ':
			r = ' '
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte(' ')
			}
		}
		lower = r >= 'a' && r <= 'z'
		b.WriteRune(r)
	}
	return strings.Fields(strings.ToLower(b.String()))
}
