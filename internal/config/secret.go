package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that no listing, log line, error or encoding shows. Only Reveal gives it out.
type Secret string

// redacted stands for a secret that is set.
const redacted = "[redacted]"

// Reveal returns the value itself. Call it where the value is used, and nowhere else.
func (s Secret) Reveal() string { return string(s) }

// String says whether there is a secret, and no more: "" or "[redacted]".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format answers every verb of package fmt but %p, which go vet refuses here: verbs such as %d would print the value of
// a type that only has String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is what package slog shows.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is what JSON and other encodings show.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
