package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"hub"
	"hub/internal/app"
)

// normalizeCommand prints canonical orders. It needs no hub and no settings.
type normalizeCommand struct {
	Platform string   `required:"" help:"Whose orders they are: shopify, shopee, mercadolibre." placeholder:"NAME"`
	Files    []string `arg:"" optional:"" name:"file" help:"Orders as the platform's API or webhooks send them; standard input if none is named."`
}

// Help says what kong's one line cannot.
func (normalizeCommand) Help() string {
	return "A file holds one order, one of the platform's envelopes, or several of either. The buyer is printed in clear. If " +
		"any order of any file breaks a rule, nothing is printed and the reasons are on standard error."
}

// protocol is what normalising needs of a platform.
type protocol struct {
	split func(document []byte) ([][]byte, error)
	order func(document []byte) (hub.Order, error)
}

func (c *normalizeCommand) protocol() (protocol, error) {
	var known []string
	for _, s := range app.Storefronts() {
		known = append(known, string(s.Platform()))
		if string(s.Platform()) == c.Platform {
			return protocol{s.Split, func(document []byte) (hub.Order, error) {
				draft, err := s.Order(document)
				return draft.Order, err
			}}, nil
		}
	}
	return protocol{}, usageError{"--platform must be one of " + strings.Join(known, ", ")}
}

// Run reads everything before it prints anything.
func (c *normalizeCommand) Run(p *process) error {
	protocol, err := c.protocol()
	if err != nil {
		return err
	}
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	var out bytes.Buffer
	var wrong []error
	for _, name := range files {
		content, err := readFile(p, name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		wrong = append(wrong, protocol.normalize(&out, name, content)...)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	_, err = p.stdout.Write(out.Bytes())
	return err
}

func readFile(p *process, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(p.stdin)
	}
	return os.ReadFile(name)
}

// normalize appends the orders of one file, one a line, and returns what is wrong with it.
func (n protocol) normalize(out *bytes.Buffer, name string, content []byte) (wrong []error) {
	if name == "-" {
		name = "standard input"
	}
	documents, err := guarded(n.split, content)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", name, reason(err))}
	}
	if len(documents) == 0 {
		return []error{fmt.Errorf("%s: holds no order", name)}
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i, document := range documents {
		order, err := guarded(n.order, document)
		if err == nil {
			err = e.Encode(order)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: order %d of %d: %w", name, i+1, len(documents), reason(err)))
		}
	}
	return wrong
}

// guarded turns a panic of a driver into an error, as the hub itself does.
func guarded[T any](read func([]byte) (T, error), document []byte) (result T, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = hub.Errorf(hub.KindInternal, "reading order", "the driver panicked (%T)", thrown)
		}
	}()
	return read(document)
}

// reason says why an order is refused by code and place; it never quotes the order.
func reason(err error) error {
	code, path := hub.CodeOf(err), hub.PathOf(err)
	switch {
	case code == "" && path == "":
		return err
	case code == "":
		code = hub.Code(hub.KindOf(err).String())
	}
	if path == "" {
		return errors.New(string(code))
	}
	return fmt.Errorf("%s at %s", code, path)
}
