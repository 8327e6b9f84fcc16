package config

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"hub"
)

const canary = "c4n4ry-Never-Print-Me-0123456789abcdef"

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNothingConfiguredIsAWholeHub(t *testing.T) {
	t.Chdir(t.TempDir())
	c, warnings, err := Load(Input{})
	if err != nil || len(warnings) != 0 {
		t.Fatalf("Load: %v, warnings %q", err, warnings)
	}
	c.origin = nil
	want := Config{
		Data: "./hub-data", Store: Store{Kind: SQLite, Shards: 4}, Keys: "./hub-data",
		Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:9090", MaxBody: 4 << 20, BacklogMax: 1 << 30,
		Bus: Embedded, StreamWindow: 168 * time.Hour,
		LogLevel: slog.LevelInfo, LogFormat: LogText, URL: "http://127.0.0.1:8080",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("defaults are\n%+v, want\n%+v", c, want)
	}
}

func TestStrongerSourceWins(t *testing.T) {
	file := write(t, "hub.yaml", "data: from-file\nlog_level: warn\nlog_format: json\nsqlite_shards: 7\npublic_url:\n")
	c, _, err := Load(Input{
		Flags:   map[string]string{"data": "from-flag", "log_format": ""},
		Environ: []string{"HUB_CONFIG=" + file, "HUB_DATA=from-env", "HUB_LOG_LEVEL=error", "HUB_LISTEN=", "OTHER=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Setting{
		"HUB_DATA":          {Value: "from-flag", Source: SourceFlag},
		"HUB_LOG_LEVEL":     {Value: "error", Source: SourceEnvironment},
		"HUB_LOG_FORMAT":    {Value: "json", Source: SourceFile},
		"HUB_SQLITE_SHARDS": {Value: "7", Source: SourceFile},
		"HUB_LISTEN":        {Value: "127.0.0.1:8080", Source: SourceDefault},
		"HUB_PUBLIC_URL":    {Value: "http://127.0.0.1:8080", Source: SourceDefault},
		"HUB_STORE":         {Value: "sqlite", Source: SourceDefault},
	}
	seen := 0
	for _, s := range c.Describe() {
		if s.Help == "" {
			t.Errorf("%s has no help", s.Name)
		}
		w, ok := want[s.Name]
		if !ok {
			continue
		}
		seen++
		if s.Value != w.Value || s.Source != w.Source {
			t.Errorf("%s = %q from %s, want %q from %s", s.Name, s.Value, s.Source, w.Value, w.Source)
		}
	}
	if seen != len(want) {
		t.Errorf("Describe lists %d of %d", seen, len(want))
	}
	if c.Data != "from-flag" || c.LogLevel != slog.LevelError || c.LogFormat != LogJSON || c.Store.Shards != 7 {
		t.Errorf("typed values differ from the listing: %+v", c)
	}
}

func TestFlagNamesTheFile(t *testing.T) {
	strong, weak := write(t, "a.yaml", "data: a"), write(t, "b.yaml", "data: b")
	c, _, err := Load(Input{Flags: map[string]string{"config": strong}, Environ: []string{"HUB_CONFIG=" + weak}})
	if err != nil || c.Data != "a" {
		t.Errorf("data = %q, %v; want that of the flag's file", c.Data, err)
	}
}

func TestDefaultFileIsReadWhereItIs(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("hub.yaml", []byte("data: here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, _, err := Load(Input{}); err != nil || c.Data != "here" {
		t.Errorf("data = %q, %v; want that of ./hub.yaml", c.Data, err)
	}
	if _, _, err := Load(Input{Environ: []string{"HUB_CONFIG=absent.yaml"}}); err == nil {
		t.Error("a named file that is absent is no error")
	}
}

func TestUnknownKeys(t *testing.T) {
	_, warnings, err := Load(Input{Environ: []string{"HUB_LISTNE=x", "HUB_data=x", "HUB_DATA=d", "HUBRIS=1"}})
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[1], "HUB_LISTNE") {
		t.Errorf("environment: %v, warnings %q; want two warnings and no error", err, warnings)
	}
	for name, in := range map[string]Input{
		"file":   {Environ: []string{"HUB_CONFIG=" + write(t, "hub.yaml", "listne: x")}},
		"nested": {Environ: []string{"HUB_CONFIG=" + write(t, "hub.yaml", "log:\n  listne: x")}},
		"flag":   {Flags: map[string]string{"listne": "x"}},
	} {
		if _, _, err := Load(in); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v, want an error of kind invalid", name, err)
		} else if name != "nested" && !strings.Contains(err.Error(), "listne") {
			t.Errorf("%s: %v does not name the key", name, err)
		}
	}
}

// The setting of traces goes by the name that OpenTelemetry gave it, in every source, and its neighbours are not the hub's.
func TestTracesAreSetByTheirOwnName(t *testing.T) {
	const where = "https://collector.example/" + canary
	for name, in := range map[string]Input{
		"environment": {Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + where, "OTEL_EXPORTER_OTLP_HEADERS=x", "OTEL_EXPORTER_OTLP_ENDPOINTS=x"}},
		"env file":    {Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT_FILE=" + write(t, "traces", where)}},
		"file":        {Environ: []string{"HUB_CONFIG=" + write(t, "hub.yaml", "otel_exporter_otlp_endpoint: "+where)}},
	} {
		c, warnings, err := Load(in)
		if err != nil || len(warnings) > 0 || c.Traces.Reveal() != where {
			t.Errorf("%s: %q, %q, %v", name, c.Traces.Reveal(), warnings, err)
		}
	}
	c, warnings, err := Load(Input{Environ: []string{"HUB_OTEL_EXPORTER_OTLP_ENDPOINT=" + where}})
	if err != nil || len(warnings) != 1 || c.Traces != "" {
		t.Errorf("a name that nobody gave: %q, %v", warnings, err)
	}
}

func TestValueFromFile(t *testing.T) {
	key := write(t, "key", canary+"\n")
	windows := write(t, "key", canary+"\r\n")
	yaml := write(t, "hub.yaml", "api_key_file: "+windows)
	c, _, err := Load(Input{Environ: []string{"HUB_BOOTSTRAP_KEY_FILE=" + key, "HUB_CONFIG=" + yaml}})
	if err != nil {
		t.Fatal(err)
	}
	if c.BootstrapKey.Reveal() != canary || c.APIKey.Reveal() != canary {
		t.Errorf("keys of %d and %d characters, want %d without the newline", len(c.BootstrapKey), len(c.APIKey), len(canary))
	}
	c, _, err = Load(Input{Flags: map[string]string{"api_key": "stronger"}, Environ: []string{"HUB_API_KEY_FILE=" + key}})
	if err != nil || c.APIKey.Reveal() != "stronger" {
		t.Errorf("a flag does not win over a file in the environment: %v", err)
	}
	for name, environ := range map[string][]string{
		"both":      {"HUB_API_KEY=" + canary, "HUB_API_KEY_FILE=" + key},
		"absent":    {"HUB_API_KEY_FILE=" + key + "-absent"},
		"empty":     {"HUB_API_KEY_FILE=" + write(t, "key", "\n")},
		"is secret": {"HUB_API_KEY_FILE=" + canary},
	} {
		_, _, err := Load(Input{Environ: environ})
		if err == nil || !strings.Contains(err.Error(), "HUB_API_KEY_FILE") || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want an error that names HUB_API_KEY_FILE and no secret", name, err)
		}
	}
}

func TestPublicURL(t *testing.T) {
	tests := []struct{ configured, bound, want string }{
		{"", "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"", "0.0.0.0:81", "http://127.0.0.1:81"},
		{"", "[::]:81", "http://127.0.0.1:81"},
		{"", "[::1]:81", "http://[::1]:81"},
		{"https://hub.example/", "127.0.0.1:8080", "https://hub.example"},
	}
	for _, tt := range tests {
		c, _, err := Load(Input{Flags: map[string]string{"public_url": tt.configured}})
		if err != nil {
			t.Fatal(err)
		}
		bound, err := net.ResolveTCPAddr("tcp", tt.bound)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Public(bound); got != tt.want {
			t.Errorf("Public(%s) with %q = %s, want %s", tt.bound, tt.configured, got, tt.want)
		}
	}
}
