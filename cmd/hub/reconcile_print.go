package main

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"hub/internal/app"
)

// printStatement verifies a statement and prints it; nothing is printed of one that is not to be believed.
func printStatement(p *process, f format, text, key []byte) error {
	st, _, err := app.VerifyStatement(text, key)
	if err != nil {
		return err
	}
	return f.print(p, st, []string{"WHAT", "STATE", "DETAIL"}, statementRows(st))
}

// statementRows is one line for each thing that a statement says.
func statementRows(st app.Statement) (rows [][]string) {
	add := func(what, state string, detail ...string) {
		rows = append(rows, []string{what, state, strings.TrimSpace(strings.Join(detail, " "))})
	}
	add("statement", string(st.ID), "revision", strconv.FormatInt(st.Revision, 10), "at", st.MadeAt.Format(time.RFC3339))
	add("shop", st.Account, string(st.Platform), string(st.Connection))
	add("day", string(st.Day), st.From.Format(time.RFC3339), "to", st.To.Format(time.RFC3339))
	add("state", string(st.State), string(st.Code()))
	add("compared", strings.Join(st.Compared, ", "), "amounts:", string(cmp.Or(st.Amounts, "grand_total")))
	for _, one := range []struct {
		name string
		side *app.StatementSide
	}{{"platform lists", st.Listed}, {"hub holds", st.Held}, {"acknowledged", st.Acked}} {
		if one.side != nil {
			add(one.name, strconv.Itoa(one.side.Orders), strconv.Itoa(one.side.Cancelled), "cancelled,", sums(*one.side))
		}
	}
	for _, d := range st.Differences {
		state := "open"
		if d.Repaired {
			state = "repaired"
		}
		add(string(d.Kind), state, string(d.ExternalID), string(d.OrderID), string(d.ParkedID))
	}
	if st.Truncated {
		add("and more", strconv.Itoa(st.Open), "are open in all")
	}
	return rows
}

// sums prints the money of one side.
func sums(s app.StatementSide) string {
	if !s.MoneyKnown {
		return "money not known"
	}
	list := make([]string, len(s.Money))
	for i, m := range s.Money {
		list[i] = m.String()
	}
	return strings.Join(list, ", ")
}
