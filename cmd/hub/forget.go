package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// cycle is a forget cycle as the API shows it.
type cycle struct {
	Number     int64    `json:"number"`
	Phase      string   `json:"phase"`
	From       int      `json:"from_generation"`
	To         int      `json:"to_generation"`
	Kills      int64    `json:"kills"`
	Weeks      int64    `json:"weeks"`
	Slots      int64    `json:"slots"`
	Rows       int64    `json:"rows"`
	BeganAt    string   `json:"began_at,omitempty"`
	EndedAt    string   `json:"ended_at,omitempty"`
	DurationMS int64    `json:"duration_ms,omitempty"`
	WaitsFor   []string `json:"waits_for"`
	Unreadable []string `json:"unreadable,omitempty"`
	Receipt    *receipt `json:"receipt,omitempty"`
}

// receipt says that a root is gone.
type receipt struct {
	Generation int    `json:"generation"`
	GoneAt     string `json:"gone_at"`
	Method     string `json:"method"`
	SameVolume bool   `json:"same_volume"`
}

// rows tells people what the cycle did and what it cost.
func (c cycle) rows() [][]string {
	rows := [][]string{
		{"forgotten", count(c.Kills, "person") + ", " + count(c.Weeks, "expired week")},
		{"renewed", count(c.Slots, "wrapping key") + ", " + count(c.Rows, "row") + " wrapped again"},
	}
	if c.DurationMS > 0 {
		rows = append(rows, []string{"took", (time.Duration(c.DurationMS) * time.Millisecond).String()})
	}
	if len(c.WaitsFor) > 0 {
		rows = append(rows, []string{"waits for", strings.Join(c.WaitsFor, ", ")})
	}
	if len(c.Unreadable) > 0 {
		rows = append(rows, []string{"damaged", "nothing opens these any more: " + strings.Join(c.Unreadable, ", ")})
	}
	root := fmt.Sprintf("%d is still there, %d follows", c.From, c.To)
	if r := c.Receipt; r != nil {
		root = fmt.Sprintf("%d gone at %s: %s", r.Generation, r.GoneAt, r.Method)
		if r.SameVolume {
			root += "; it was on the vault's volume"
		}
	}
	return append(rows, []string{"root", root})
}

// count prints a number of things, with commas between thousands.
func count(n int64, thing string) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	if n != 1 {
		thing += "s"
	}
	return text + " " + thing
}

type keyForget struct {
	clientSettings
	Approve int64 `help:"How many persons this cycle may end, when they are unusually many." placeholder:"N"`
}

// Help says what kong's one line cannot.
func (keyForget) Help() string {
	return "After a finished cycle nothing opens what was erased or has expired, in no copy of any database. The hub runs one " +
		"each hour when something waits for it; this runs one now, or goes on with one that waits for hubs. It exits 1 while " +
		"the cycle waits, with the hubs named."
}

// Run runs a cycle and prints what it did, and fails when it is not done.
func (c *keyForget) Run(p *process) error {
	if c.Approve < 0 {
		return usageError{"--approve must be 0 or more"}
	}
	running, err := c.client(p)
	if err != nil {
		return err
	}
	in := map[string]any{}
	if c.Approve > 0 {
		in["approve"] = c.Approve
	}
	var done cycle
	if err := running.do(http.MethodPost, "/v1/forget-cycles", nil, in, &done); err != nil {
		return err
	}
	if done.Number == 0 {
		return c.print(p, done, []string{"nothing ended since the last cycle: nothing to do"}, nil)
	}
	if err := c.print(p, done, []string{"cycle", strconv.FormatInt(done.Number, 10) + ", " + done.Phase}, done.rows()); err != nil {
		return err
	}
	if len(done.WaitsFor) > 0 {
		return errors.New("the cycle waits for " + strings.Join(done.WaitsFor, ", ") +
			": run it again when they have moved; if a disk is destroyed, say so with hub instance remove")
	}
	return nil
}

type instanceCommands struct {
	List   instanceList   `cmd:"" help:"List hubs."`
	Remove instanceRemove `cmd:"" help:"Declare that a hub's disk is destroyed."`
}

// instance is a hub as the API shows it.
type instance struct {
	Instance   string `json:"instance"`
	Generation int    `json:"generation"`
	SeenAt     string `json:"seen_at"`
}

func (i instance) row() []string {
	return []string{i.Instance, strconv.Itoa(i.Generation), i.SeenAt}
}

type instanceList struct {
	clientSettings
}

// Run prints all hubs.
func (c *instanceList) Run(p *process) error {
	return list[instance](p, c.clientSettings, "/v1/hubs", query("limit", "250"), []string{"HUB", "ROOT", "SEEN"})
}

type instanceRemove struct {
	clientSettings
	ID string `arg:"" help:"The hub's id, from the list."`
}

// Help says what kong's one line cannot.
func (instanceRemove) Help() string {
	return "No forget cycle waits for this hub any more. You say with it that its data folder and every copy of it are " +
		"destroyed: what a surviving copy holds could be opened with an old root."
}

// Run removes the hub and says so.
func (c *instanceRemove) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	if err := running.do(http.MethodDelete, "/v1/hubs/"+url.PathEscape(c.ID), nil, nil, nil); err != nil {
		return err
	}
	return c.print(p, map[string]string{"instance": c.ID, "state": "removed"}, []string{"HUB", "STATE"}, [][]string{{c.ID, "removed"}})
}
