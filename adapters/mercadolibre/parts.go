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
	costs, items                            []parcelPart
	partial, absent                         []string
	readAt                                  time.Time
}

// parcelPart is something about one shipment.
type parcelPart struct {
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
	member("costs", listOf(ofParcels("costs", p.costs)))
	member("items", listOf(ofParcels("items", p.items)))
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

// ofParcels puts the shipment's id to each.
func ofParcels(name string, list []parcelPart) (texts [][]byte) {
	for _, p := range list {
		texts = append(texts, slices.Concat([]byte(`{"shipment_id":`+p.shipment+`,"`+name+`":`), p.text, []byte{'}'}))
	}
	return texts
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
