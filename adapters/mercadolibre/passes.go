package mercadolibre

import (
	"hash/fnv"

	"hub"
)

// pass says how an export makes sure of a list of several pages. An order that closes while it is read moves the others, and
// pages may repeat or leave out: so once its orders are read the list alone is read again, by larger pages, and where it
// does not show the same orders these are read anew. It ends when the list showed nothing else than before, or after
// mostPasses; then only package reconcile can tell.
type pass struct {
	number int   // from 0; the odd ones read the list alone
	sum    int64 // over the ids that this pass showed, whatever their order
	before int64 // sum of the pass before it
}

// mostPasses bounds how often one list is read again.
const mostPasses = 7

// checks reports whether the pass reads the list alone.
func (p pass) checks() bool { return p.number%2 == 1 }

// show adds an order that the pass showed. One that it shows twice changes the sum, too.
func (p *pass) show(id hub.ExternalID) {
	h := fnv.New64a()
	h.Write([]byte(id))
	p.sum += int64(h.Sum64())
}

// again is where to begin anew after the last page of a list, of which there were several or not; more is false when the
// list is read.
func (p place) again(several bool) (next place, more bool) {
	settled := p.pass.checks() && p.pass.sum == p.pass.before
	if settled || !p.pass.checks() && !several || p.pass.number == mostPasses {
		return place{}, false
	}
	return place{from: p.from, to: p.to, pass: pass{number: p.pass.number + 1, before: p.pass.sum}}, true
}
