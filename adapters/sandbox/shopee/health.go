package shopee

import "time"

// The rule about an app whose pushes fail (guide 18): with more than 600 in six hours, a success below 70 % brings an
// e-mail, and below 30 % switches pushes off. What counts is attempts (U), in a window that slides (U).
const (
	healthWindow = 6 * time.Hour
	healthLeast  = 600
	warnPercent  = 70
	offPercent   = 30
)

// health is how an app's pushes fare.
type health struct {
	attempts  []outcome // of the window, the oldest first
	good      int
	warned    bool
	suspended time.Time // zero: pushes are on
}

type outcome struct {
	at time.Time
	ok bool
}

func (h *health) off() bool { return !h.suspended.IsZero() }

// word is live_push_status.
func (h *health) word() string {
	switch {
	case h.off():
		return "Suspended"
	case h.warned:
		return "Warning"
	}
	return "Normal"
}

// judge counts an attempt, and warns or switches off.
func (p *Platform) judge(a *App, ok bool) {
	h := &a.health
	h.attempts = append(h.attempts, outcome{p.line.Time(), ok})
	if ok {
		h.good++
	}
	for p.line.Time().Sub(h.attempts[0].at) >= healthWindow {
		if h.attempts[0].ok {
			h.good--
		}
		h.attempts = h.attempts[1:]
	}
	total := len(h.attempts)
	if total <= healthLeast || h.off() {
		return
	}
	switch percent := h.good * 100; {
	case percent < offPercent*total:
		h.suspended = p.line.Time()
		p.notices = append(p.notices, Notice{p.line.Time(), a.spec.ClientID, "Pushes are switched off: fewer than 30 % succeed."})
	case percent < warnPercent*total && !h.warned:
		h.warned = true
		p.notices = append(p.notices, Notice{p.line.Time(), a.spec.ClientID, "Fewer than 70 % of pushes succeed."})
	case percent >= warnPercent*total:
		h.warned = false
	}
}

// ResumePush switches an app's pushes on again, as its developer does in the console. What came meanwhile is gone.
func (p *Platform) ResumePush(clientID string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.named(clientID)
	if a == nil {
		return notFound("switching pushes on", "app")
	}
	a.health = health{}
	return nil
}
