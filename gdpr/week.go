package gdpr

import (
	"fmt"
	"strconv"
	"time"
)

// Week is an ISO 8601 week in UTC, "2026-W47": the step in which lots age. Weeks sort as text.
type Week string

// WeekOf returns the week of t. Years outside of 1970 to 9999 become the first or the last week of that range, so that
// an absurd date in a payload still has a lot.
func WeekOf(t time.Time) Week {
	year, week := t.UTC().ISOWeek()
	switch {
	case year < 1970:
		year, week = 1970, 1
	case year > 9999:
		year, week = 9999, 52
	}
	return Week(fmt.Sprintf("%04d-W%02d", year, week))
}

// valid reports whether w has the form that WeekOf makes.
func (w Week) valid() bool {
	if len(w) != 8 || w[4:6] != "-W" {
		return false
	}
	year, err := strconv.ParseUint(string(w[:4]), 10, 16)
	week, err2 := strconv.ParseUint(string(w[6:]), 10, 8)
	return err == nil && err2 == nil && year >= 1970 && week >= 1 && week <= 53
}

// start returns the Monday of w, which is valid.
func (w Week) start() time.Time {
	year, _ := strconv.Atoi(string(w[:4]))
	week, _ := strconv.Atoi(string(w[6:]))
	january4 := time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC) // always in week 1
	monday := january4.AddDate(0, 0, -(int(january4.Weekday())+6)%7)
	return monday.AddDate(0, 0, 7*(week-1))
}
