package main

import (
	"fmt"
	"strings"
	"time"

	"hub"
	"hub/internal/app"
)

type backupCommands struct {
	Create  backupCreate  `cmd:"" help:"Copy the databases of an embedded hub, also while it serves."`
	Restore backupRestore `cmd:"" help:"Put copies back under a stopped hub."`
}

type backupCreate struct {
	serverSettings
	format
	To      string `help:"New or empty folder for shards, control database and keep/; without it the vault alone is copied." placeholder:"FOLDER"`
	VaultTo string `help:"New or empty folder for the vault; vault/ in the other one by default." placeholder:"FOLDER"`
}

// Help says what kong's one line cannot.
func (backupCreate) Help() string {
	return "Copies of the vault are deleted after 24 hours at the latest: make one every few hours with --vault-to alone. " +
		"HUB_KEYS/forget is in no copy and must be in none of yours. Without it nothing personal can be read from a backup, and " +
		"while it is on this disk only, losing the disk forgets everybody."
}

// Run copies and says what is where.
func (c *backupCreate) Run(p *process) error {
	settings, err := c.load(p)
	if err != nil {
		return err
	}
	if c.To == "" && c.VaultTo == "" {
		return usageError{"name a folder with --to, or with --vault-to for the vault alone"}
	}
	b, err := app.Backup(p.ctx, settings, app.BackupOptions{To: c.To, VaultTo: c.VaultTo, Version: version(), Clock: app.SystemClock})
	if err != nil {
		return onServers(err)
	}
	var rows [][]string
	for _, m := range b.Manifests {
		folder, keep := b.Folder, "as long as you like"
		if m.KeepUntil != nil {
			folder, keep = b.VaultFolder, "until "+m.KeepUntil.Format(time.RFC3339)
		}
		var size int64
		for _, f := range m.Files {
			size += f.Bytes
		}
		rows = append(rows, []string{m.Kind, folder, fmt.Sprintf("%d files, %d KiB", len(m.Files), size>>10), keep})
	}
	return c.print(p, b, []string{"COPY OF", "FOLDER", "HOLDS", "KEEP"}, rows)
}

type backupRestore struct {
	serverSettings
	format
	From      string `help:"Folder that backup create --to made; without it the vault alone is restored." placeholder:"FOLDER"`
	VaultFrom string `help:"Folder with a copy of the vault, for when the present vault is lost; the newest there is." placeholder:"FOLDER"`
}

// Help says what kong's one line cannot.
func (backupRestore) Help() string {
	return "The vault that is there stays, so what was erased since the backup stays erased; an older vault never replaces it. " +
		"Old files are moved into folders called replaced-TIME: delete them once the hub works, within 24 hours if a vault is among " +
		"them. If this is interrupted no hub starts on the folder; the same command again completes it. See docs/operations.md for " +
		"what a restore loses and what to tell the ERP systems."
}

// Run restores and says what happened to what was there.
func (c *backupRestore) Run(p *process) error {
	settings, err := c.load(p)
	if err != nil {
		return err
	}
	if c.From == "" && c.VaultFrom == "" {
		return usageError{"name a folder with --from, or with --vault-from for the vault alone"}
	}
	r, err := app.Restore(p.ctx, settings, app.RestoreOptions{From: c.From, VaultFrom: c.VaultFrom, Clock: app.SystemClock})
	if err != nil {
		return onServers(err)
	}
	var rows [][]string
	for _, path := range r.Restored {
		rows = append(rows, []string{"restored", path})
	}
	for _, folder := range r.Aside {
		rows = append(rows, []string{"moved aside to", folder})
	}
	for _, id := range r.Revived {
		rows = append(rows, []string{"revoke again", string(id)})
	}
	for _, f := range r.Feeds {
		rows = append(rows, []string{"feed ends at", fmt.Sprintf("%s %s %d", f.Tenant, f.Stream, f.Sequence)})
	}
	return c.print(p, r, []string{"WHAT", "WHERE"}, rows)
}

// onServers adds the commands that copy databases on servers. Who may connect is the client's own matter: a password on a
// command line is seen by everybody on the machine.
func onServers(err error) error {
	if hub.CodeOf(err) != app.CodeOnServers {
		return err
	}
	return fmt.Errorf("%w\n%s", err, strings.Join([]string{
		"Servers are copied by their own tool, for each database, the shards first, then control, into one set:",
		"  mariadb-dump --defaults-extra-file=LOGIN --single-transaction --quick --hex-blob --no-tablespaces --max-allowed-packet=64M DATABASE > DATABASE.sql",
		"and last the vault, by the same command, on a schedule of its own, into another place, deleted after 24 hours.",
		"They are restored into empty databases while every hub is stopped:",
		"  mariadb --defaults-extra-file=LOGIN --max-allowed-packet=64M DATABASE < DATABASE.sql",
		"HUB_KEYS/forget goes into no copy. docs/operations.md has all of it.",
	}, "\n"))
}
