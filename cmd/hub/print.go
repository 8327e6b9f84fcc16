package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"
)

// format is the flag of commands that print something programs may want.
type format struct {
	Output string `short:"o" enum:"table,json" default:"table" help:"Print a table for people or JSON for programs." placeholder:"FORMAT"`
}

func (f format) json() bool { return f.Output == "json" }

// print writes value as one line of JSON, or the rows under their names.
func (f format) print(p *process, value any, names []string, rows [][]string) error {
	if f.json() {
		e := json.NewEncoder(p.stdout)
		e.SetEscapeHTML(false)
		return e.Encode(value)
	}
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	for _, row := range append([][]string{names}, rows...) {
		for _, cell := range row {
			fmt.Fprint(w, printable(cell), "\t") // into memory, which does not fail
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(p.stdout, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// printable keeps what others have typed from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// isTerminal says whether a person watches.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
