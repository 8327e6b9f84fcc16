package gdpr

import (
	"fmt"
	"io"
)

// What holds a key formats as its name only, whatever the verb, so that no log line and no panic message that was
// given one shows the key.

// Format implements fmt.Formatter.
func (r Root) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "root generation %d", r.Generation) }

// Format implements fmt.Formatter.
func (k *Keys) Format(s fmt.State, _ rune) { redact(s, "vault keys") }

// Format implements fmt.Formatter.
func (s *Seal) Format(state fmt.State, _ rune) { redact(state, "seal") }

// Format implements fmt.Formatter.
func (t *TenantKeys) Format(s fmt.State, _ rune) { redact(s, "tenant keys") }

func redact(s fmt.State, name string) { _, _ = io.WriteString(s, name) }
