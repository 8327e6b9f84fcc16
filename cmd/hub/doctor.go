package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"hub/internal/app"
)

// doctorCommand checks the surroundings of a hub.
type doctorCommand struct {
	serverSettings
	format
}

// Run prints every check and fails when one did.
func (c *doctorCommand) Run(p *process) error {
	settings, err := c.load(p)
	if err != nil {
		return err
	}
	checks := app.Doctor(p.ctx, settings)
	rows, failed := [][]string{}, 0
	for _, check := range checks {
		rows = append(rows, []string{check.Status, check.Name, check.Detail, check.Fix})
		if check.Status == "failed" {
			failed++
		}
	}
	if err := c.print(p, map[string]any{"checks": checks}, []string{"STATUS", "CHECK", "FOUND", "WHAT TO DO"}, rows); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	return nil
}

// migrateCommand brings MySQL databases up to date; embedded ones migrate when a hub starts.
type migrateCommand struct {
	serverSettings
}

// Run migrates and says so.
func (c *migrateCommand) Run(p *process) error {
	settings, err := c.load(p)
	if err != nil {
		return err
	}
	if err := app.Migrate(p.ctx, settings, newLogger(settings, p.stderr)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "The databases are up to date.")
	return err
}

// versionCommand prints what this program is.
type versionCommand struct {
	format
}

// Run prints the version that the build recorded.
func (c *versionCommand) Run(p *process) error {
	v := map[string]any{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
	if !c.json() {
		_, err := fmt.Fprintf(p.stdout, "hub %s (%s, %s)\n", v["version"], v["go"], v["platform"])
		return err
	}
	return c.print(p, v, nil, nil)
}

// version is the module's version, or the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return setting.Value[:12]
		}
	}
	return "development"
}
