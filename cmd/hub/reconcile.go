package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

type reconcileCommands struct {
	Day    reconcileDay    `cmd:"" default:"withargs" help:"Have a shop's day looked at now, and print the statement; the command can be left out."`
	List   reconcileList   `cmd:"" help:"List the statements of days."`
	Keys   reconcileKeys   `cmd:"" help:"Print the public key that verifies statements."`
	Verify reconcileVerify `cmd:"" help:"Check a statement and its signature, without a hub."`
}

// reconciliation is a row of the list as the API shows it.
type reconciliation struct {
	ID           string `json:"reconciliation_id"`
	ConnectionID string `json:"connection_id"`
	Day          string `json:"day"`
	Revision     int64  `json:"revision"`
	State        string `json:"state"`
	Code         string `json:"code,omitempty"`
	WholeDay     bool   `json:"whole_day"`
	MadeAt       string `json:"made_at"`
	Open         int    `json:"open"`
	Fetching     int    `json:"fetching"`
}

func (r reconciliation) row() []string {
	return []string{r.ID, r.ConnectionID, r.Day, strconv.FormatInt(r.Revision, 10), r.State, r.Code, strconv.FormatBool(r.WholeDay), strconv.Itoa(r.Open), r.MadeAt}
}

type reconcileList struct {
	clientSettings
	Tenant     string `help:"Whose; operators name it." placeholder:"TENANT"`
	Connection string `help:"Only of this connection." placeholder:"CONNECTION"`
	From       string `help:"Only of this UTC day or later." placeholder:"DAY"`
	To         string `help:"Only of this UTC day or earlier." placeholder:"DAY"`
	State      string `help:"Only equal, different or unknown ones." placeholder:"STATE"`
}

// Run prints the list.
func (c *reconcileList) Run(p *process) error {
	parameters := query("limit", "250", "tenant", c.Tenant, "connection_id", c.Connection, "day_from", c.From, "day_to", c.To, "state", c.State)
	columns := []string{"STATEMENT", "CONNECTION", "DAY", "REVISION", "STATE", "CODE", "WHOLE DAY", "OPEN", "MADE AT"}
	return list[reconciliation](p, c.clientSettings, "/v1/reconciliations", parameters, columns)
}

type reconcileKeys struct{ clientSettings }

// Run prints the keys: in PEM, so that the output is a file for verify --key, or as JSON.
func (c *reconcileKeys) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	var keys struct {
		Data []struct {
			KeyID     string `json:"key_id"`
			Algorithm string `json:"algorithm"`
			PublicKey string `json:"public_key"`
			PEM       string `json:"pem"`
		} `json:"data"`
	}
	if err := running.do(http.MethodGet, "/v1/reconciliations/keys", nil, nil, &keys); err != nil {
		return err
	}
	if c.json() {
		return c.print(p, keys, nil, nil)
	}
	for _, k := range keys.Data {
		for line := range strings.Lines(k.PEM) {
			if _, err := fmt.Fprintln(p.stdout, printable(strings.TrimRight(line, "\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}

type reconcileDay struct {
	clientSettings
	Tenant     string        `help:"Whose; operators name it." placeholder:"TENANT"`
	Connection string        `required:"" help:"Which shop." placeholder:"CONNECTION"`
	Day        string        `required:"" help:"Which UTC day, as 2026-11-20." placeholder:"DAY"`
	Wait       time.Duration `default:"5m" help:"How long to wait for the statement." placeholder:"TIME"`
}

// reconcileEvery is how often the hub is asked whether the statement is there.
const reconcileEvery = time.Second

// Run asks for a statement, waits for the last of what it takes, and prints it: as JSON with its signature. It is a failure when
// the day is not equal.
func (c *reconcileDay) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	var asked struct {
		After int64 `json:"after_revision"`
	}
	in := map[string]string{"connection_id": c.Connection, "day": c.Day}
	if err := running.do(http.MethodPost, "/v1/reconciliations", nil, in, &asked); err != nil {
		return err
	}
	newest, err := c.wait(p, running, asked.After)
	if err != nil {
		return err
	}
	var text json.RawMessage
	if err := running.do(http.MethodGet, "/v1/reconciliations/"+url.PathEscape(newest.ID), query("tenant", c.Tenant), nil, &text); err != nil {
		return err
	}
	if c.json() {
		err = c.print(p, text, nil, nil)
	} else {
		err = printStatement(p, c.format, text, nil)
	}
	if err != nil {
		return err
	}
	switch newest.State {
	case "equal":
		return nil
	case "different":
		return fmt.Errorf("the day is different: %s", count(int64(newest.Open), "difference"))
	}
	return fmt.Errorf("the day is unknown: %s", newest.Code)
}

// wait returns the newest statement, once it is newer than a revision and nothing goes on because of it.
func (c *reconcileDay) wait(p *process, running *client, after int64) (newest reconciliation, err error) {
	tick, end := time.NewTicker(reconcileEvery), time.After(c.Wait)
	defer tick.Stop()
	for {
		parameters := query("limit", "250", "tenant", c.Tenant, "connection_id", c.Connection, "day_from", c.Day, "day_to", c.Day)
		rows, err := all[reconciliation](running, "/v1/reconciliations", parameters)
		if err != nil {
			return newest, err
		}
		for _, r := range rows {
			if r.Revision > newest.Revision {
				newest = r
			}
		}
		if newest.Revision > after && newest.Fetching == 0 {
			return newest, nil
		}
		select {
		case <-p.ctx.Done():
			return newest, p.ctx.Err()
		case <-end:
			return newest, errors.New("there is no statement yet; hub reconcile list shows it when it is made")
		case <-tick.C:
		}
	}
}

type reconcileVerify struct {
	format
	File string `arg:"" help:"The statement with its signature, as hub reconcile -o json printed it; - for standard input."`
	Key  string `help:"File with the public key that you believe, as hub reconcile keys printed it." placeholder:"FILE"`
}

// maxStatement bounds a file that is verified.
const maxStatement = 16 << 20

// Run checks the statement. What it says does not matter: a good signature under unknown is a success.
func (c *reconcileVerify) Run(p *process) error {
	text, err := readAtMost(p, c.File, maxStatement)
	if err != nil {
		return err
	}
	var key []byte
	if c.Key != "" {
		if key, err = readAtMost(p, c.Key, maxStatement); err != nil {
			return err
		}
		if len(key) == 0 {
			return errors.New("the file of --key is empty")
		}
	}
	if len(key) == 0 {
		fmt.Fprintln(p.stderr, "Checked with the key that came with the statement: it is whole, and anybody may have made it. Name the key that you believe with --key.")
	}
	return printStatement(p, c.format, text, key)
}

func readAtMost(p *process, name string, most int64) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(text)) > most {
		err = errors.New("the file is larger than any statement")
	}
	return text, err
}
