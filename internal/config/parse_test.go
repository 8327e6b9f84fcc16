package config

import (
	"strings"
	"testing"
	"time"

	"hub"
)

func TestGoodValues(t *testing.T) {
	one, two := "hub:p@ss/word@tcp(10.0.0.1:3306)/s1?timeout=1s", "hub:p@tcp(10.0.0.1:3306)/s2"
	c, _, err := Load(Input{Flags: map[string]string{
		"store": "mysql:" + one + "," + two, "control": "mysql:hub:p@tcp(10.0.0.1:3306)/control",
		"vault": "mysql:hub:p@tcp(10.0.0.9:3306)/vault", "keys": "file:/keys", "listen": ":0", "admin_listen": ":0",
		"max_body": "65536", "backlog_max": "2 GiB", "log_level": "debug", "url": "https://hub.example:444/",
		"bootstrap_key": canary, "bus": "nats://hub:" + canary + "@10.0.0.1:4222,10.0.0.2", "stream_window": "24h",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Kind != MySQL || c.Store.Shards != 2 || c.Store.DSNs[0].Reveal() != one || c.Store.DSNs[1].Reveal() != two {
		t.Errorf("store of %d shards differs from its DSNs", c.Store.Shards)
	}
	if c.Control.DSN == "" || c.Vault.DSN == "" || c.Keys != "/keys" || c.MaxBody != 64<<10 || c.BacklogMax != 2<<30 {
		t.Errorf("got %+v", c)
	}
	if c.Bus.Reveal() != "nats://hub:"+canary+"@10.0.0.1:4222,10.0.0.2" || c.StreamWindow != 24*time.Hour {
		t.Errorf("the stream's window is %v, or the bus another", c.StreamWindow)
	}
	if c.URL != "https://hub.example:444" {
		t.Errorf("url = %s", c.URL)
	}
}

// Every refusal names its setting, has the kind invalid, and holds no secret.
func TestBadValues(t *testing.T) {
	const dsn = "hub:" + canary + "@tcp(10.0.0.1:3306)/s1"
	long := strings.Repeat("9", 30)
	tests := []struct {
		names string // the setting that the error must name
		flags map[string]string
	}{
		{"HUB_STORE", map[string]string{"store": "postgres"}},
		{"HUB_STORE", map[string]string{"store": dsn}},
		{"HUB_STORE", map[string]string{"store": "mysql:"}},
		{"HUB_STORE", map[string]string{"store": "mysql:" + dsn + ","}},
		{"HUB_STORE", map[string]string{"store": "mysql:mysql://hub:" + canary + "@10.0.0.1/s1"}},
		{"HUB_STORE", map[string]string{"store": "mysql:hub:" + canary + "@tcp(10.0.0.1:3306)/?a=b"}},
		{"HUB_STORE", map[string]string{"store": "mysql:" + dsn + "," + dsn + "?timeout=1s"}},
		{"HUB_SQLITE_SHARDS", map[string]string{"store": "mysql:" + dsn, "sqlite_shards": "4"}},
		{"HUB_SQLITE_SHARDS", map[string]string{"sqlite_shards": "0"}},
		{"HUB_SQLITE_SHARDS", map[string]string{"sqlite_shards": "65"}},
		{"HUB_SQLITE_SHARDS", map[string]string{"sqlite_shards": "four"}},
		{"HUB_CONTROL", map[string]string{"control": dsn}},
		{"HUB_CONTROL", map[string]string{"control": "mysql:" + canary}},
		{"HUB_CONTROL", map[string]string{"store": "mysql:" + dsn, "control": "mysql:" + dsn}},
		{"HUB_VAULT", map[string]string{"store": "mysql:" + dsn, "vault": "mysql:other:" + canary + "@tcp(10.0.0.1:3306)/s1"}},
		{"HUB_VAULT", map[string]string{"control": "mysql:" + dsn, "vault": "mysql:" + dsn}},
		{"HUB_BUS", map[string]string{"bus": "http://" + canary}},
		{"HUB_BUS", map[string]string{"bus": canary}},
		{"HUB_BUS", map[string]string{"bus": "nats://"}},
		{"HUB_BUS", map[string]string{"bus": "nats://hub:" + canary + "@10.0.0.1,"}},
		{"HUB_BUS", map[string]string{"bus": "nats://hub:" + canary + "@10.0.0.1/x"}},
		{"HUB_STREAM_WINDOW", map[string]string{"stream_window": "7d"}},
		{"HUB_STREAM_WINDOW", map[string]string{"stream_window": "59m"}},
		{"HUB_STREAM_WINDOW", map[string]string{"stream_window": "8761h"}},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", map[string]string{traces: "127.0.0.1:4318/" + canary}},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", map[string]string{traces: "https://collector/" + canary + "%zz"}},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", map[string]string{traces: "https://hub:" + canary + "@collector"}},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", map[string]string{traces: "https://collector?key=" + canary}},
		{"HUB_KEYS", map[string]string{"keys": "/keys"}},
		{"HUB_KEYS", map[string]string{"keys": "file:"}},
		{"HUB_LISTEN", map[string]string{"listen": "8080"}},
		{"HUB_LISTEN", map[string]string{"listen": "host:http"}},
		{"HUB_LISTEN", map[string]string{"listen": "host:65536"}},
		{"HUB_ADMIN_LISTEN", map[string]string{"admin_listen": "host:-1"}},
		{"HUB_ADMIN_LISTEN", map[string]string{"admin_listen": "127.0.0.1:8080"}},
		{"HUB_PUBLIC_URL", map[string]string{"public_url": "hub.example"}},
		{"HUB_PUBLIC_URL", map[string]string{"public_url": "https://hub.example/path"}},
		{"HUB_PUBLIC_URL", map[string]string{"public_url": "https://hub.example?q"}},
		{"HUB_PUBLIC_URL", map[string]string{"public_url": "ftp://hub.example"}},
		{"HUB_URL", map[string]string{"url": "https://hub:" + canary + "@hub.example"}},
		{"HUB_URL", map[string]string{"url": "https://" + canary + "%zz"}},
		{"HUB_BOOTSTRAP_KEY", map[string]string{"bootstrap_key": canary[:31]}},
		{"HUB_BOOTSTRAP_KEY", map[string]string{"bootstrap_key": " " + long32}},
		{"HUB_BOOTSTRAP_KEY", map[string]string{"bootstrap_key": long32 + "\x07x"}},
		{"HUB_MAX_BODY", map[string]string{"max_body": "1023"}},
		{"HUB_MAX_BODY", map[string]string{"max_body": "65MiB"}},
		{"HUB_MAX_BODY", map[string]string{"max_body": "8MB"}},
		{"HUB_MAX_BODY", map[string]string{"max_body": "-8MiB"}},
		{"HUB_BACKLOG_MAX", map[string]string{"backlog_max": long}},
		{"HUB_BACKLOG_MAX", map[string]string{"backlog_max": "20000000TiB"}},
		{"HUB_BACKLOG_MAX", map[string]string{"backlog_max": "3MiB"}},
		{"HUB_LOG_LEVEL", map[string]string{"log_level": "INFO"}},
		{"HUB_LOG_FORMAT", map[string]string{"log_format": "xml"}},
	}
	for _, tt := range tests {
		_, _, err := Load(Input{Flags: tt.flags})
		if err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v, want an error of kind invalid", tt.names, err)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, "setting "+tt.names+" (from flag): ") {
			t.Errorf("%q does not start with setting %s (from flag)", text, tt.names)
		}
		if strings.Contains(err.Error(), canary[:20]) {
			t.Errorf("%s: the error holds a secret", tt.names)
		}
	}
	t.Logf("%d bad values refused", len(tests))
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, _, err := Load(Input{Flags: map[string]string{"listen": "x", "log_level": "x", "keys": "x"}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want three lines, got: %v", err)
	}
}

// long32 would be a good bootstrap key.
const long32 = "0123456789abcdefghijklmnopqrstuv"
