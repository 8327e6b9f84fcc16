package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"hub"
	"hub/internal/config"
	"hub/internal/obs"
)

// serverSettings are the flags of commands that run a hub. What may hold a password has no flag, since everybody on the
// machine can see those: it comes from a file, HUB_X or hub.yaml.
type serverSettings struct {
	Config           string `help:"File of settings; hub.yaml here if there is one." placeholder:"FILE"`
	Data             string `help:"HUB_DATA: folder of everything this hub keeps." placeholder:"FOLDER"`
	StoreFile        string `help:"HUB_STORE_FILE: file that says where orders live." placeholder:"FILE"`
	SqliteShards     string `help:"HUB_SQLITE_SHARDS: number of SQLite shards." placeholder:"N"`
	ControlFile      string `help:"HUB_CONTROL_FILE: file with the DSN of the control database." placeholder:"FILE"`
	VaultFile        string `help:"HUB_VAULT_FILE: file with the DSN of the vault." placeholder:"FILE"`
	Keys             string `help:"HUB_KEYS: where the root keys are." placeholder:"file:FOLDER"`
	Listen           string `help:"HUB_LISTEN: address of the API." placeholder:"HOST:PORT"`
	AdminListen      string `help:"HUB_ADMIN_LISTEN: address of profiles and health." placeholder:"HOST:PORT"`
	PublicURL        string `help:"HUB_PUBLIC_URL: where platforms reach the hub." placeholder:"URL" name:"public-url"`
	BootstrapKeyFile string `help:"HUB_BOOTSTRAP_KEY_FILE: file with the first operator key." placeholder:"FILE"`
	MaxBody          string `help:"HUB_MAX_BODY: largest body of a webhook." placeholder:"BYTES"`
	BacklogMax       string `help:"HUB_BACKLOG_MAX: undrained log above which webhooks are refused." placeholder:"BYTES"`
	LogLevel         string `help:"HUB_LOG_LEVEL: debug, info, warn or error." placeholder:"LEVEL"`
	LogFormat        string `help:"HUB_LOG_FORMAT: text or json." placeholder:"FORMAT"`
}

func (s serverSettings) load(p *process) (config.Config, error) {
	return p.load(map[string]string{
		"config": s.Config, "data": s.Data, "store_file": s.StoreFile, "sqlite_shards": s.SqliteShards,
		"control_file": s.ControlFile, "vault_file": s.VaultFile, "keys": s.Keys, "listen": s.Listen,
		"admin_listen": s.AdminListen, "public_url": s.PublicURL, "bootstrap_key_file": s.BootstrapKeyFile,
		"max_body": s.MaxBody, "backlog_max": s.BacklogMax, "log_level": s.LogLevel, "log_format": s.LogFormat,
	})
}

// load reads the settings, with the flags that were given on top, and prints the warnings.
func (p *process) load(flags map[string]string) (config.Config, error) {
	given := map[string]string{}
	for name, value := range flags {
		if value != "" {
			given[name] = value
		}
	}
	c, warnings, err := config.Load(config.Input{Flags: given, Environ: p.environ})
	for _, warning := range warnings {
		fmt.Fprintln(p.stderr, "hub: warning:", printable(warning))
	}
	if ofFlag(err) {
		err = usageError{err.Error()}
	}
	return c, err
}

// ofFlag reports whether one of the wrong settings was given as a flag: then the command line is wrong.
func ofFlag(err error) bool {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(list.Unwrap(), ofFlag)
	}
	var e *hub.Error
	return errors.As(err, &e) && strings.HasSuffix(e.Subject, "(from "+string(config.SourceFlag)+")")
}

// newLogger makes the logger that the settings describe.
func newLogger(c config.Config, w io.Writer) *slog.Logger {
	return obs.NewLogger(w, c.LogLevel, c.LogFormat == config.LogJSON)
}
