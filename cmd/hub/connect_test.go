package main

import (
	"slices"
	"strings"
	"testing"
)

// A connection is shown with what its calls come to: breaker, budget, the last error and the last success.
func TestStandingRows(t *testing.T) {
	s := standing{State: "ok", Calls: []calls{
		{Class: "orders", Breaker: "open", Left: 3, Size: 1000, PerSecond: 50, LastError: "unavailable", LastCode: "platform_error", LastSuccess: "2026-11-21T12:00:00Z"},
		{Class: "admin", Breaker: "closed"},
	}}
	var got []string
	for _, row := range s.rows() {
		got = append(got, strings.TrimSpace(strings.Join(row, " | ")))
	}
	want := []string{
		"connection | ok |",
		"calls orders | open | 3 of 1000 left, 50.0 a second unavailable platform_error last success 2026-11-21T12:00:00Z",
		"calls admin | closed | 0 of 0 left, 0.0 a second",
	}
	for i, row := range got {
		got[i] = strings.Join(strings.Fields(row), " ")
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
