package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

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
	checks := []Check{checkFolder(cfg.Data)}
	checks = append(checks, checkRoot(ctx, cfg), checkKeyPlace(cfg), checkSwap(), checkCoreDumps(), checkDisk(cfg.Data))
	checks = append(checks, checkDatabases(ctx, cfg)...)
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
	info, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		return warning(name, dir+" does not exist yet", "`hub serve` makes it")
	case err != nil:
		return failed(name, "not readable", "run doctor as the user that runs the hub")
	case info.Mode().Perm()&0o077 != 0:
		return warning(name, dir+" is open to other users", "chmod 700 "+dir)
	}
	return ok(name, dir)
}

func checkRoot(ctx context.Context, cfg config.Config) Check {
	const name = "root key"
	root, err := gdpr.OpenFileRoots(cfg.Keys).Load(ctx)
	if folder := filepath.Join(cfg.Data, "intake"); err == nil && exists(filepath.Join(folder, "intake.key")) {
		_, err = gdpr.OpenIntakeKey(ctx, folder, root)
	}
	if err == nil {
		return ok(name, fmt.Sprintf("generation %d in %s", root.Generation, filepath.Join(cfg.Keys, "forget")))
	}
	if !exists(filepath.Join(cfg.Data, "intake")) {
		return warning(name, "none yet", "the first start makes it")
	}
	return failed(name, err.Error(), "bring back the folder that HUB_KEYS named before; without it nothing sealed can be read")
}

// checkKeyPlace compares where the root and the sealed data are: on one disk an image of that disk holds both.
func checkKeyPlace(cfg config.Config) Check {
	const name = "place of the root key"
	a, errA := device(filepath.Join(cfg.Keys, "forget"))
	b, errB := device(cfg.Data)
	if errA == nil && errB == nil && a != b {
		return ok(name, "on another device than the data")
	}
	return warning(name, "on the same device as the data: whoever copies the disk copies both",
		"set HUB_KEYS to a folder on another volume, in no backup set")
}

func device(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), nil
	}
	return 0, fs.ErrInvalid
}

func checkSwap() Check {
	const name = "swap"
	text, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return warning(name, "not known on this system", "make sure that memory is never written to disk in clear")
	}
	if strings.Count(strings.TrimSpace(string(text)), "\n") > 0 {
		return warning(name, "on: keys in memory can reach the disk", "turn swap off, or encrypt it with a key made at boot")
	}
	return ok(name, "off")
}

func checkCoreDumps() Check {
	const name = "core dumps"
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 {
		return warning(name, "allowed: a crash can write keys to disk", "start the hub with `ulimit -c 0`")
	}
	return ok(name, "off")
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
	if fresh := !exists(filepath.Join(cfg.Data, "intake")); fresh && cfg.Store.Kind == config.SQLite {
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
