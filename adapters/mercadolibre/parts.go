package mercadolibre

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// parts are the answers that make up one order, each as the platform printed it.
type parts struct {
	order, pack, billing, discounts, claims []byte
	shipments, returns                      [][]byte
	costs                                   []costs
	partial, absent                         []string
	readAt                                  time.Time
}

// costs are what one shipment costs.
type costs struct {
	shipment string
	text     []byte
}

// lacks notes that the platform does not have a part, or does not show it.
func (p *parts) lacks(name string) {
	if !slices.Contains(p.absent, name) {
		p.absent = append(p.absent, name)
	}
}

// print makes the one document that Order takes; see the package comment for its form.
func (p *parts) print() []byte {
	b := bytes.NewBuffer(make([]byte, 0, 2*len(p.order)+1024))
	b.WriteString(`{"order":`)
	b.Write(p.order)
	member := func(name string, text []byte) {
		if text != nil {
			b.WriteString(`,"` + name + `":`)
			b.Write(text)
		}
	}
	member("pack", p.pack)
	member("shipments", listOf(p.shipments))
	var all [][]byte
	for _, c := range p.costs {
		all = append(all, slices.Concat([]byte(`{"shipment_id":`+c.shipment+`,"costs":`), c.text, []byte{'}'}))
	}
	member("costs", listOf(all))
	member("billing_info", p.billing)
	member("discounts", p.discounts)
	member("claims", p.claims)
	member("returns", listOf(p.returns))
	member("partial", namesOf(p.partial))
	member("absent", namesOf(p.absent))
	if !p.readAt.IsZero() {
		member("read_at", []byte(strconv.Quote(p.readAt.Format(time.RFC3339))))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func listOf(texts [][]byte) []byte {
	if texts == nil {
		return nil
	}
	return slices.Concat([]byte{'['}, bytes.Join(texts, []byte{','}), []byte{']'})
}

// namesOf prints words, which hold nothing to escape.
func namesOf(words []string) []byte {
	slices.Sort(words)
	var texts [][]byte
	for _, w := range slices.Compact(words) {
		texts = append(texts, []byte(`"`+w+`"`))
	}
	return listOf(texts)
}
