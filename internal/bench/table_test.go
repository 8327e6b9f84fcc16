package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// printTable writes what was measured, for people.
func printTable(w io.Writer, results []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tours\tbaseline\tratio\t(min-max)\tdemanded\tverdict")
	for _, r := range results {
		demanded := "-"
		if r.demanded > 0 {
			demanded = ">= " + share(r.demanded)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t(%s-%s)\t%s\t%s\n", r.name, figure(r.ours), figure(r.baseline),
			share(r.ratio()), share(r.ratios[0]), share(r.ratios[len(r.ratios)-1]), demanded, r.verdict())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var notes strings.Builder
	for _, r := range results {
		note(&notes, r)
	}
	_, err := io.WriteString(w, notes.String())
	return err
}

// excuses say why the baseline is slower than the known figure.
func (r result) excuses() (list []string) {
	if r.known.why != nil {
		list = append(list, r.known.why())
	}
	if r.others > 0.2 {
		list = append(list, fmt.Sprintf("others kept %.1f of %d processors busy", r.others, processors()))
	}
	if len(list) == 0 {
		list = append(list, "this disk or this machine is slower")
	}
	return list
}

// effort is the median processor time of one operation.
func effort(rates []rate) time.Duration {
	each := make([]time.Duration, len(rates))
	for i, r := range rates {
		each[i] = r.cpu / time.Duration(r.count)
	}
	slices.Sort(each)
	return each[len(each)/2].Round(100 * time.Nanosecond)
}

// figure is a median rate.
func figure(rates []rate) string { return thousands(median(rates)) }

func thousands(x float64) string {
	n := fmt.Sprintf("%.0f", x)
	for i := len(n) - 3; i > 0; i -= 3 {
		n = n[:i] + "," + n[i:]
	}
	return n
}

// note explains one line of the table: units, against what, and how the baseline stands beside the known figure.
func note(w io.Writer, r result) {
	fmt.Fprintf(w, "\n%s, %s, against: %s\n", r.name, r.unit, r.against)
	fmt.Fprintf(w, "  other processes, database server included, kept %.1f of %d processors busy meanwhile\n", r.others, processors())
	if p99 := middle(r.ours); p99 > 0 {
		fmt.Fprintf(w, "  99 %% of ours within %s, of the baseline's within %s\n", p99.Round(100*time.Microsecond), middle(r.baseline).Round(100*time.Microsecond))
	}
	fmt.Fprintf(w, "  processor time of this process for each: %s, the baseline's %s\n", effort(r.ours), effort(r.baseline))
	k := r.known
	if k.value == 0 {
		return
	}
	rate := median(r.baseline)
	if k.scale != nil {
		rate *= k.scale()
	}
	fmt.Fprintf(w, "  the baseline is at %s a second, %s of %s (%s, measured on a 2-core Debian 12 machine)\n",
		thousands(rate), share(rate/k.value), thousands(k.value), k.what)
	if rate < 0.6*k.value {
		fmt.Fprintf(w, "  less than 60 %%, because %s\n", strings.Join(r.excuses(), "; "))
	}
}
