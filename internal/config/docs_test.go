package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestSettingsAreDocumented holds the operator's table of settings against the real one.
func TestSettingsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings() {
		fallback := "–"
		if s.fallback != "" {
			fallback = "`" + s.fallback + "`"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |\n", envName(s.name), fallback, s.help); !strings.Contains(string(text), row) {
			t.Errorf("docs/operations.md lacks the row\n%s", row)
		}
	}
}
