package demo

// dispatch are the deliveries of a platform, counted.
type dispatch struct {
	first    int // that were told once each, copies and forgeries not counted
	copies   int
	forged   int
	believed int // forged ones that were taken
	dropped  int // never sent
	retried  int // attempts after the first of a delivery
	open     int // still to be sent again
	removed  int // e-mails of the platform that it has closed a way, or is about to
}

// sending is one delivery as the made-up platforms keep it.
type sending struct {
	state    string
	forged   bool
	attempts int
}

// The states that decide. All made-up platforms have the same words for them.
const (
	delivered = "delivered"
	pending   = "pending"
	dropped   = "dropped"
)

// count counts what became of deliveries, so many of which are copies.
func count(all []sending, copies int) (d dispatch) {
	for _, s := range all {
		d.retried += max(0, s.attempts-1)
		switch {
		case s.forged && s.state == delivered:
			d.believed++
			d.forged++
		case s.forged:
			d.forged++
		case s.state == dropped:
			d.dropped++
		default:
			d.first++
			if s.state == pending {
				d.open++
			}
		}
	}
	d.copies = copies
	d.first -= copies
	return d
}

// played adds up how often faults were played.
func played[F comparable](counts map[F]int, faults ...F) (n int) {
	for _, f := range faults {
		n += counts[f]
	}
	return n
}

// misbehave sets faults in per mille of deliveries or answers, unless the demo is calm.
func misbehave[F comparable](o Options, set func(F, int) error, rates map[F]int) error {
	for fault, rate := range rates {
		if o.calm {
			rate = 0
		}
		if err := set(fault, rate); err != nil {
			return err
		}
	}
	return nil
}
