package obs_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"hub/internal/obs"
)

const canary = "canary-4711"

func TestPrivateAttributes(t *testing.T) {
	private := []string{
		"email", "Email", "buyer_email", "buyerEmail", "shipping-address", "phone", "phone_number", "tax_id", "taxId", "first_name", "FullName",
		"customer", "recipient", "payload", "body", "token", "access_token", "Authorization", "api_key", "apiKey", "client.secret", "dsn", "password",
	}
	public := []string{"error", "shard", "tenant", "code", "request_id", "route", "status", "order", "subject", "tries", "part", "name", "mailbox"}
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		log := obs.NewLogger(&out, slog.LevelInfo, asJSON)
		for _, key := range private {
			log.Info("x", key, canary)
			log.Info("x", slog.Group("outer", slog.Group("inner", key, canary)))
			log.With(key, canary).WithGroup("outer").Info("x", key, []string{canary})
			log.Info("x", key, struct{ Text string }{canary})
		}
		if n := strings.Count(out.String(), canary); n != 0 {
			t.Errorf("json %t: %d of %d private values printed:\n%s", asJSON, n, 4*len(private), out.String())
		}
		if got, want := strings.Count(out.String(), "[withheld]"), 5*len(private); got != want {
			t.Errorf("json %t: %d withheld, want %d", asJSON, got, want)
		}
		out.Reset()
		for _, key := range public {
			log.Info("x", key, canary)
		}
		if n := strings.Count(out.String(), canary); n != len(public) {
			t.Errorf("json %t: %d of %d public values printed:\n%s", asJSON, n, len(public), out.String())
		}
	}
}

// TestLinesStayLines: nobody writes a line of the log but the hub.
func TestLinesStayLines(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		log := obs.NewLogger(&out, slog.LevelInfo, asJSON)
		log.Info("a\nlevel=ERROR msg=forged", "at", "b\r\nlevel=ERROR msg=forged\x1b[31m")
		if strings.Count(out.String(), "\n") != 1 || strings.ContainsAny(out.String(), "\r\x1b") {
			t.Errorf("json %t: %q", asJSON, out.String())
		}
		if asJSON && !json.Valid(out.Bytes()) {
			t.Errorf("not JSON: %s", out.Bytes())
		}
	}
}

func TestLevel(t *testing.T) {
	var out bytes.Buffer
	obs.NewLogger(&out, slog.LevelWarn, false).Info("quiet")
	if out.Len() != 0 {
		t.Errorf("%s", out.String())
	}
}
