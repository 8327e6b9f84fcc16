package demo

import (
	"fmt"
	"io"
	"strings"
)

const barWidth = 16 // with what stands beside it, it fits a terminal of 80

// progress is the live line: a bar that is redrawn on a terminal, a line in a second elsewhere.
type progress struct {
	out         io.Writer
	interactive bool
	drawn       int
}

// draw shows how far it is. It is called ten times a second.
func (p *progress) draw(done, all int, detail string) {
	text := fmt.Sprintf("%*d/%d orders done, %s", len(fmt.Sprint(all)), done, all, detail)
	switch {
	case p.interactive:
		full := barWidth * done / max(all, 1)
		fmt.Fprintf(p.out, "\r\x1b[K  %s%s  %s", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), text)
	case p.drawn%10 == 0:
		fmt.Fprintln(p.out, "  "+text)
	}
	p.drawn++
}

// end leaves a clean line behind.
func (p *progress) end() {
	if p.interactive {
		fmt.Fprint(p.out, "\r\x1b[K")
		return
	}
	fmt.Fprintln(p.out)
}
