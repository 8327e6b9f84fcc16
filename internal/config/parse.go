package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The parsers of the table of settings. Their errors follow the name of the setting and never hold a secret.

func parseData(c *Config, v string) error {
	c.Data = v
	return nil
}

func parseStore(c *Config, v string) error {
	if v == string(SQLite) {
		c.Store = Store{Kind: SQLite}
		return nil
	}
	list, ok := strings.CutPrefix(v, "mysql:")
	if !ok {
		return errors.New("must be sqlite or mysql:DSN,DSN,… with one DSN for each shard")
	}
	c.Store = Store{Kind: MySQL}
	for i, dsn := range strings.Split(list, ",") {
		if err := checkDSN(dsn); err != nil {
			return fmt.Errorf("DSN %d: %w", i+1, err)
		}
		c.Store.DSNs = append(c.Store.DSNs, Secret(dsn))
	}
	c.Store.Shards = len(c.Store.DSNs)
	return nil
}

// parseSQLiteShards runs after parseStore.
func parseSQLiteShards(c *Config, v string) error {
	if c.Store.Kind == MySQL {
		if v != "" {
			return errors.New("is only for HUB_STORE sqlite; a mysql store has a shard for each DSN")
		}
		return nil
	}
	if v == "" {
		v = "4"
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 64 {
		return fmt.Errorf("%q is not a number from 1 to 64", v)
	}
	c.Store.Shards = n
	return nil
}

func parseControl(c *Config, v string) (err error) {
	c.Control, err = parseDatabase(v)
	return err
}

func parseVault(c *Config, v string) (err error) {
	c.Vault, err = parseDatabase(v)
	return err
}

func parseDatabase(v string) (Database, error) {
	if v == "" {
		return Database{}, nil
	}
	dsn, ok := strings.CutPrefix(v, "mysql:")
	if !ok {
		return Database{}, errors.New("must be mysql:DSN, or nothing for a SQLite file under HUB_DATA")
	}
	return Database{Secret(dsn)}, checkDSN(dsn)
}

// checkDSN finds the usual slips; the driver judges the rest when the database is opened.
func checkDSN(dsn string) error {
	if strings.Contains(dsn, "://") {
		return errors.New("is a URL; write user:password@tcp(host:port)/database")
	}
	_, database, ok := cutLast(dsn, "/")
	database, _, _ = strings.Cut(database, "?")
	if !ok || database == "" {
		return errors.New("names no database; write user:password@tcp(host:port)/database (a comma separates shards and cannot be in it)")
	}
	return nil
}

// place is the part of a DSN that says which database it is: without user, password and parameters.
func place(dsn Secret) string {
	_, after, ok := cutLast(dsn.Reveal(), "@")
	if !ok {
		after = dsn.Reveal()
	}
	after, _, _ = strings.Cut(after, "?")
	return after
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// parseBus quotes nothing: credentials are in these URLs.
func parseBus(c *Config, v string) error {
	c.Bus = Secret(v)
	if v == Embedded {
		return nil
	}
	scheme, rest, ok := strings.Cut(v, "://")
	if !ok || scheme != "nats" && scheme != "tls" {
		return errors.New("must be embedded, or nats://HOST,HOST,… (tls:// for TLS)")
	}
	for i, host := range strings.Split(rest, ",") {
		host = strings.TrimPrefix(host, scheme+"://")
		if u, err := url.Parse(scheme + "://" + host); err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
			return fmt.Errorf("host %d is not HOST, HOST:PORT, TOKEN@HOST or USER:PASSWORD@HOST", i+1)
		}
	}
	return nil
}

func parseStreamWindow(c *Config, v string) (err error) {
	c.StreamWindow, err = time.ParseDuration(v)
	if err != nil || c.StreamWindow < time.Hour || c.StreamWindow > 8760*time.Hour {
		return fmt.Errorf("%q is not a time from 1h to 8760h", v)
	}
	return nil
}

// parseKeys runs after parseData.
func parseKeys(c *Config, v string) error {
	if v == "" {
		c.Keys = c.Data
		return nil
	}
	folder, ok := strings.CutPrefix(v, "file:")
	if !ok || folder == "" {
		return errors.New("must be file:FOLDER")
	}
	c.Keys = folder
	return nil
}

func parseListen(c *Config, v string) error {
	c.Listen = v
	return checkAddress(v)
}

func parseAdminListen(c *Config, v string) error {
	c.AdminListen = v
	return checkAddress(v)
}

func checkAddress(v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is not host:port", v)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > math.MaxUint16 {
		return fmt.Errorf("%q has no port from 0 to 65535", v)
	}
	return nil
}

func parsePublicURL(c *Config, v string) (err error) {
	if v != "" {
		c.PublicURL, err = checkURL(v)
	}
	return err
}

func parseURL(c *Config, v string) (err error) {
	c.URL, err = checkURL(v)
	return err
}

// checkURL quotes nothing: people put passwords into URLs.
func checkURL(v string) (string, error) {
	u, err := url.Parse(v)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", errors.New("must be http://host or https://host, with a port if need be")
	case u.User != nil:
		return "", errors.New("must not hold a user or password")
	case strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "":
		return "", errors.New("must end after the host and port")
	}
	return u.Scheme + "://" + u.Host, nil
}

func parseBootstrapKey(c *Config, v string) error {
	if v != "" && len(v) < 32 {
		return errors.New("is shorter than 32 characters")
	}
	if strings.TrimSpace(v) != v || strings.ContainsFunc(v, unicode.IsControl) {
		return errors.New("begins or ends with white space or holds a control character, which no client can send")
	}
	c.BootstrapKey = Secret(v)
	return nil
}

func parseAPIKey(c *Config, v string) error {
	c.APIKey = Secret(v)
	return nil
}

func parseMaxBody(c *Config, v string) (err error) {
	c.MaxBody, err = parseBytes(v)
	if err == nil && (c.MaxBody < 1<<10 || c.MaxBody > 6<<20) {
		return fmt.Errorf("%q is not from 1KiB to 6MiB", v)
	}
	return err
}

func parseBacklogMax(c *Config, v string) (err error) {
	c.BacklogMax, err = parseBytes(v)
	return err
}

// parseBytes reads a whole number of bytes with an optional unit.
func parseBytes(v string) (int64, error) {
	digits, unit := v, int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40} {
		if number, ok := strings.CutSuffix(v, suffix); ok {
			digits, unit = strings.TrimSpace(number), size
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a number of bytes such as 1048576, 512KiB, 8MiB or 1GiB", v)
	}
	return n * unit, nil
}

func parseLogLevel(c *Config, v string) error {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[v]
	if !ok {
		return fmt.Errorf("%q is not debug, info, warn or error", v)
	}
	c.LogLevel = level
	return nil
}

// parseTraces quotes nothing: a path may hold a token.
func parseTraces(c *Config, v string) error {
	c.Traces = Secret(v)
	u, err := url.Parse(v)
	switch {
	case v == "":
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return errors.New("must be http://HOST:PORT or https://HOST:PORT, with a path if need be")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return errors.New("must not hold a user, password or query; OTEL_EXPORTER_OTLP_HEADERS is for what a collector asks of its senders")
	}
	return nil
}

func parseLogFormat(c *Config, v string) error {
	c.LogFormat = LogFormat(v)
	if c.LogFormat != LogText && c.LogFormat != LogJSON {
		return fmt.Errorf("%q is not text or json", v)
	}
	return nil
}
