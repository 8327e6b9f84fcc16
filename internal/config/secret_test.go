package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsShownNowhere(t *testing.T) {
	dsn := "hub:" + canary + "@tcp(10.0.0.1:3306)/"
	c, warnings, err := Load(Input{Environ: []string{
		"HUB_STORE=mysql:" + dsn + "a", "HUB_CONTROL=mysql:" + dsn + "b", "HUB_VAULT=mysql:" + dsn + "c",
		"HUB_BOOTSTRAP_KEY=" + canary, "HUB_API_KEY=" + canary, "HUB_UNKNOWN=" + canary,
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://collector/" + canary,
	}})
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	fmt.Fprintln(&shown, warnings)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s"} {
		fmt.Fprintf(&shown, verb+"\n", c.APIKey)
		fmt.Fprintf(&shown, verb+"\n", &c.APIKey)
		fmt.Fprintf(&shown, verb+"\n", c.Store)
		fmt.Fprintf(&shown, verb+"\n", c.Describe())
	}
	fmt.Fprintf(&shown, "%v %+v %#v\n", c, c, c)
	for _, h := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
		slog.New(h).Info("settings", "key", c.APIKey, "store", c.Store, "config", c)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(encoded)
	text := shown.String()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), canary[:8]} {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("the secret shows as %q near %q", form, text[max(0, i-80):i])
		}
	}
	if n := strings.Count(text, redacted); n < 20 {
		t.Errorf("only %d places say %s: the search looked at nothing", n, redacted)
	}
	if c.APIKey.Reveal() != canary || Secret("").String() != "" {
		t.Error("Reveal or the empty secret is wrong")
	}
}

// Whatever the file holds, reading it neither panics nor quotes it. YAML errors quote seven characters of a value.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		canary, "api_key: [" + canary + "]", "api_key: {a: " + canary + "}", canary + ": x", "- " + canary, "store: " + canary,
		"a: &a " + canary + "\nb: *c", "api_key: 1.5", "api_key: \"" + canary, "api_key:\n\t" + canary,
		"api_key: a\napi_key: " + canary, "? " + canary, "1: 2", "api_key: 2026-11-21",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		_, _, err := Load(Input{Flags: map[string]string{"config": write(t, "hub.yaml", content)}})
		if err != nil && strings.Contains(err.Error(), canary[:7]) {
			t.Errorf("the error quotes the file: %v", err)
		}
	})
}
