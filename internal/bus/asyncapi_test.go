package bus

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"hub/internal/relay"
)

// TestAsyncAPIDescribesWhatIsTold: the description names the streams, subjects, headers and schemas that there are.
func TestAsyncAPIDescribesWhatIsTold(t *testing.T) {
	var d struct {
		AsyncAPI string `json:"asyncapi"`
		Channels map[string]struct {
			Address     string         `json:"address"`
			Description string         `json:"description"`
			Parameters  map[string]any `json:"parameters"`
		} `json:"channels"`
		Operations map[string]struct {
			Channel map[string]string `json:"channel"`
		} `json:"operations"`
		Components struct {
			Messages map[string]struct {
				Headers struct {
					Properties map[string]any `json:"properties"`
				} `json:"headers"`
				Payload map[string]string `json:"payload"`
			} `json:"messages"`
		} `json:"components"`
	}
	if err := json.Unmarshal(AsyncAPI(), &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.AsyncAPI, "3.") {
		t.Errorf("version %s", d.AsyncAPI)
	}
	subject, err := Subject(changes(line(1), 1, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.QuoteMeta(d.Channels["orders"].Address)
	address = regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(address, `[^.]+`)
	if !regexp.MustCompile("^" + address + "$").MatchString(subject) {
		t.Errorf("%s is not of %s", subject, d.Channels["orders"].Address)
	}
	for stream, channel := range map[string]string{StreamOrders: "orders", StreamDead: "dead"} {
		if !strings.Contains(d.Channels[channel].Description, stream) {
			t.Errorf("channel %s does not name %s", channel, stream)
		}
	}
	for name, c := range d.Channels {
		for _, p := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(c.Address, -1) {
			if c.Parameters[p[1]] == nil {
				t.Errorf("channel %s does not explain %s", name, p[1])
			}
		}
	}
	for name, o := range d.Operations {
		if _, ok := d.Channels[strings.TrimPrefix(o.Channel["$ref"], "#/channels/")]; !ok {
			t.Errorf("operation %s is on no channel", name)
		}
	}
	message := d.Components.Messages["change"]
	for _, header := range []string{HeaderSequence, HeaderTrace, "Nats-Msg-Id"} {
		if message.Headers.Properties[header] == nil {
			t.Errorf("header %s is not described", header)
		}
	}
	if _, ok := Schemas()[strings.TrimPrefix(message.Payload["$ref"], "/schemas/")]; !ok {
		t.Errorf("no schema %s", message.Payload["$ref"])
	}
	if lineFilter(relay.Line{Tenant: "t", Stream: "orders"}) != "hub.t.orders.>" {
		t.Error("the filter of a line is not of its channel")
	}
}
