package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hub"
	"hub/gdpr"
	"hub/internal/config"
	"hub/internal/store"
)

// Check is one thing that doctor looked at.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warning or failed
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do, when it is not ok
}

// Doctor looks at everything a hub with these settings depends on, changes nothing, and may run beside it.
func Doctor(ctx context.Context, cfg config.Config) []Check {
	around := look(cfg)
	checks := []Check{checkFolder(cfg.Data), checkRoot(ctx, cfg), around.rights(), around.place(), around.swap(), around.coreDumps(), checkDisk(cfg.Data)}
	checks = append(checks, checkIntakeKey(cfg)...)
	checks = append(checks, checkDatabases(ctx, cfg)...)
	checks = append(checks, checkForget(ctx, cfg, around)...)
	checks = append(checks, checkBroker(ctx, cfg))
	return append(checks, settings(cfg)...)
}

// settings lists what was set, without secrets.
func settings(cfg config.Config) (list []Check) {
	for _, s := range cfg.Describe() {
		if s.Source != config.SourceDefault {
			list = append(list, ok("setting "+s.Name, s.Value+" ("+string(s.Source)+")"))
		}
	}
	return list
}

func ok(name, detail string) Check { return Check{Name: name, Status: "ok", Detail: detail} }

func warning(name, detail, fix string) Check { return Check{name, "warning", detail, fix} }

func failed(name, detail, fix string) Check { return Check{name, "failed", detail, fix} }

func checkFolder(dir string) Check {
	const name = "data folder"
	_, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		return warning(name, dir+" does not exist yet", "`hub serve` makes it")
	case err != nil:
		return failed(name, "not readable", "run doctor as the user that runs the hub")
	}
	return ok(name, dir)
}

func checkRoot(ctx context.Context, cfg config.Config) Check {
	const name = "root key"
	roots, err := openRoots(cfg, SystemClock).Load(ctx)
	if folder := filepath.Join(cfg.Data, "intake"); err == nil && exists(filepath.Join(folder, "intake.key")) {
		err = gdpr.CheckIntakeKeys(folder, roots)
	}
	if err == nil {
		newest := roots[len(roots)-1].Generation
		return ok(name, fmt.Sprintf("generation %d in %s", newest, filepath.Join(cfg.Keys, "forget")))
	}
	if !exists(filepath.Join(cfg.Data, "intake")) {
		return warning(name, "none yet", "the first start makes it")
	}
	return failed(name, err.Error(), "bring back the folder that HUB_KEYS named before; without it nothing sealed can be read")
}

// checkIntakeKey finds what keeps a hub from starting: a log without the key that it is sealed under.
func checkIntakeKey(cfg config.Config) []Check {
	folder, log := filepath.Join(cfg.Data, "intake"), filepath.Join(cfg.Data, "wal")
	key := filepath.Join(folder, "intake.key")
	if exists(key) || !exists(folder) && !exists(log) {
		return nil
	}
	return []Check{failed("intake key", key+" is gone and the log beside it is sealed under it",
		fmt.Sprintf("bring it back, or move %s and %s away to give the log up", folder, log))}
}

func checkDisk(dir string) Check {
	const name = "free disk"
	const least = 1 << 30
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return warning(name, "not known", "")
	}
	free := s.Bavail * uint64(s.Bsize)
	detail := fmt.Sprintf("%d MiB", free>>20)
	if free < least {
		return warning(name, detail, "make room: webhooks are answered 503 when the log cannot grow")
	}
	return ok(name, detail)
}

func checkDatabases(ctx context.Context, cfg config.Config) (checks []Check) {
	c := storeConfig(cfg)
	c.Clock, c.IDs, c.Log = SystemClock, NewIDs(), slog.New(slog.DiscardHandler)
	if fresh := !exists(filepath.Join(cfg.Data, "intake")) && !exists(filepath.Join(cfg.Data, "shards")); fresh && cfg.Store.Kind == config.SQLite {
		return []Check{warning("databases", "not made yet", "the first start makes them")}
	}
	list, err := store.Inspect(ctx, c)
	if err != nil {
		return []Check{failed("databases", err.Error(), "correct the setting")}
	}
	for _, h := range list {
		if h.Err != nil {
			checks = append(checks, failed("database "+h.Name, h.Err.Error(), "do what the message says"))
			continue
		}
		checks = append(checks, ok("database "+h.Name, strings.TrimSpace("answers, durable, migrated "+string(h.Shard))))
	}
	return checks
}

// checkForget looks at the vault. What keeps it from looking is among the checks of databases.
func checkForget(ctx context.Context, cfg config.Config, around surroundings) []Check {
	if !exists(filepath.Join(cfg.Data, "intake")) {
		return nil
	}
	c := storeConfig(cfg)
	c.Clock, c.IDs, c.Log = SystemClock, NewIDs(), slog.New(slog.DiscardHandler)
	st, err := store.InspectForget(ctx, c)
	if err != nil {
		return []Check{warning("forget cycle", "not known: the vault is not readable", "see database vault")}
	}
	checks := around.forgetting(st)
	roots, err := openRoots(cfg, SystemClock).Load(ctx)
	if err != nil {
		return checks // checkRoot says why
	}
	if err := gdpr.CheckKeyring(roots, st.Keyrings); hub.CodeOf(err) == gdpr.CodeKeyringDamaged {
		checks = append(checks, failed("keyring", err.Error(), "nothing personal opens without it; `hub backup restore --vault-from`, or the server's own tool"))
	}
	return checks
}
