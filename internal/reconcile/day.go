package reconcile

import (
	"time"

	"hub"
)

// Day is a day in UTC, as "2026-11-20". Shops have time zones that change, that platforms tell late or never, and that differ
// within one tenant; a day must be the same span for whoever makes a statement and whoever checks it years later, and all
// days of all shops together must cover all time once. So it is UTC for every shop.
type Day string

const dayForm = "2006-01-02"

// DayOf returns the day that a time is in.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(dayForm)) }

// ParseDay reads a day as it is printed; KindInvalid with code day_invalid for everything else.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(dayForm, text)
	if err != nil || DayOf(t) != Day(text) {
		return "", hub.Invalid(CodeDayInvalid, "day")
	}
	return Day(text), nil
}

// From is the first moment of the day.
func (d Day) From() time.Time {
	t, err := time.Parse(dayForm, string(d))
	if err != nil {
		return time.Time{} // ParseDay and DayOf make no such day
	}
	return t
}

// To is the first moment of the next day.
func (d Day) To() time.Time { return d.From().Add(24 * time.Hour) }
