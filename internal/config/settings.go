package config

import "strings"

// setting is one row of the table of settings. Its name in the environment is HUB_ and the name in capitals, but for the one
// that is not ours.
type setting struct {
	name     string // as in hub.yaml
	fallback string
	secret   bool // its value may hold a secret, so nothing prints it
	parse    func(c *Config, value string) error
	help     string
}

// settings is the table of settings, in the order in which people meet them. An empty value is the same as none.
func settings() []setting {
	return []setting{
		{"data", "./hub-data", false, parseData,
			"folder of everything this hub keeps; one hub at a time"},
		{"store", "sqlite", true, parseStore,
			"where orders live: sqlite, or mysql:DSN,DSN,… with one DSN for each shard"},
		{"sqlite_shards", "", false, parseSQLiteShards,
			"number of SQLite shards, 1-64, 4 if not set; only with sqlite"},
		{"control", "", true, parseControl,
			"tenants, apps, connections and API keys: mysql:DSN, or nothing for control.db under HUB_DATA"},
		{"vault", "", true, parseVault,
			"wrapped keys: mysql:DSN with a backup plan of its own, or nothing for vault.db under HUB_DATA"},
		{"bus", "embedded", true, parseBus,
			"where changes are told: embedded, or nats://HOST,HOST,… with JetStream; credentials go before a HOST"},
		{"stream_window", "168h", false, parseStreamWindow,
			"how long the stream keeps changes, and how far back a lost one is told again, 1h-8760h"},
		{"keys", "", false, parseKeys,
			"root keys: file:FOLDER with forget/ (in no backup) and keep/; HUB_DATA if not set"},
		{"listen", "127.0.0.1:8080", false, parseListen,
			"host:port of the API and the webhook door"},
		{"admin_listen", "127.0.0.1:9090", false, parseAdminListen,
			"host:port of metrics and profiles; never for the public"},
		{"public_url", "", false, parsePublicURL,
			"address under which platforms reach the hub; derived from HUB_LISTEN if not set"},
		{"bootstrap_key", "", true, parseBootstrapKey,
			"first operator key, 32 characters or more; a random one in HUB_DATA/operator.key if not set"},
		{"max_body", "4MiB", false, parseMaxBody,
			"largest webhook, 1KiB-6MiB: sealed it must fit one row"},
		{"backlog_max", "1GiB", false, parseBacklogMax,
			"undrained log above which webhooks are answered 503"},
		{"log_level", "info", false, parseLogLevel,
			"debug, info, warn or error"},
		{"log_format", "text", false, parseLogFormat,
			"text or json"},
		{traces, "", true, parseTraces,
			"collector of traces, http://HOST:PORT or https://HOST:PORT, over HTTP; none are made if not set"},
		{"url", "http://127.0.0.1:8080", false, parseURL,
			"running hub that client commands talk to"},
		{"api_key", "", true, parseAPIKey,
			"key of client commands"},
	}
}

// traces is the setting that OpenTelemetry has named.
const traces = "otel_exporter_otlp_endpoint"

func envName(name string) string {
	if strings.HasPrefix(name, traces) { // or its …_file
		return strings.ToUpper(name)
	}
	return "HUB_" + strings.ToUpper(name)
}

// Source says where the value of a setting came from.
type Source string

// The sources, from weakest to strongest.
const (
	SourceDefault     Source = "default"
	SourceFile        Source = "file"
	SourceEnvironment Source = "environment"
	SourceFlag        Source = "flag"
)

// origin says where a setting's value came from and how it is shown. It holds no secret: printing a Config reaches it.
type origin struct {
	source  Source
	display string
}

// display is the value as a listing may show it.
func (s setting) display(text string) string {
	plain := s.name == "store" && text == string(SQLite) || s.name == "bus" && text == Embedded // these words are no secrets
	if s.secret && !plain {
		return Secret(text).String()
	}
	return text
}

// Setting is one line of a listing.
type Setting struct {
	Name   string // as in the environment
	Value  string // redacted where it may hold a secret
	Source Source
	Help   string // one line: meaning, bounds, and what nothing means
}

// Describe lists all settings in the order of the documentation, without any secret.
func (c Config) Describe() []Setting {
	var list []Setting
	for _, s := range settings() {
		from := c.origin[s.name]
		line := Setting{Name: envName(s.name), Value: from.display, Source: from.source, Help: s.help}
		if s.name == "public_url" && line.Value == "" {
			line.Value = urlOf(c.Listen)
		}
		list = append(list, line)
	}
	return list
}
