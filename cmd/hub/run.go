package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the hub."`
	Demo      demoCommand      `cmd:"" help:"Show a whole hub at work in a temporary folder."`
	Sandbox   sandboxCommand   `cmd:"" help:"Serve a made-up platform to try a hub against."`
	Normalize normalizeCommand `cmd:"" help:"Print a platform's orders as canonical orders, one a line."`
	Doctor    doctorCommand    `cmd:"" help:"Check everything that a hub with these settings depends on."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the databases to this program's version."`
	Backup    backupCommands   `cmd:"" help:"Copies of an embedded hub's databases."`

	Tenant     tenantCommands     `cmd:"" help:"Tenants of a running hub."`
	Key        keyCommands        `cmd:"" help:"API keys of a running hub."`
	App        appCommands        `cmd:"" help:"Platform apps of a running hub."`
	Connection connectionCommands `cmd:"" help:"Connected shops of a running hub."`
	Replay     replayCommand      `cmd:"" help:"Read stored payloads again under today's rules."`
	Order      orderCommands      `cmd:"" help:"One order's way through the hub."`
	Parked     parkedCommands     `cmd:"" help:"Deliveries that could not be applied."`
	Reconcile  reconcileCommands  `cmd:"" help:"Whether the hub has every order of a shop and day."`
	Instance   instanceCommands   `cmd:"" help:"Hubs over one vault, which a forget cycle waits for."`

	KeepToken keepCommand `cmd:"" hidden:"" help:"Make one refresh call; for the hub's own use."`

	Version versionCommand `cmd:"" help:"Print the version of this program."`
}

// process is what surrounds a command.
type process struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// usageError is a mistake on the command line that only the command can see.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// exited is what kong's exit becomes, after it has printed help.
type exited struct{ code int }

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) (code int) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case exited:
			code = thrown.code
		default:
			panic(thrown)
		}
	}()
	p := &process{ctx, stdin, stdout, stderr, environ}
	parser, err := kong.New(&commands{}, kong.Name("hub"), kong.Writers(stdout, stderr), kong.Bind(p),
		kong.Description("A hub between shops and ERP systems: orders come in exactly and durably, ERPs pull them."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { panic(exited{code}) }))
	if err != nil {
		panic(err) // the struct above is wrong, which no user can cause
	}
	line, err := parser.Parse(args)
	if err != nil {
		return p.fail(usageError{err.Error()})
	}
	return p.fail(line.Run())
}

// fail prints an error and returns its exit code.
func (p *process) fail(err error) int {
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(p.stderr, "hub:", printable(line)) // it may quote what others have typed
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(p.stderr, "hub: see hub --help")
		return exitUsage
	}
	return exitFailed
}
