package fetch

import (
	"crypto/sha256"
	"sync"

	"hub"
	"hub/adapters/driver"
)

// hadMost bounds what is remembered of an app: between this many of its latest deliveries and twice as many.
const hadMost = 50_000

// mark names a delivery.
type mark [16]byte

// markOf is the same for the same delivery, and another for one that differs in anything.
func markOf(m driver.Missed) (k mark) {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(m.Account), []byte(m.Notice.Topic), []byte(m.Notice.DeliveryID), m.Body} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	copy(k[:], h.Sum(nil))
	return k
}

// had remembers which lost deliveries of each app were taken, for platforms that tell them until they are too old. It saves the
// log what it knows and nothing else: a hub that starts takes them once more.
type had struct {
	mu   sync.Mutex
	apps map[hub.AppID]*[2]map[mark]bool // the later ones, and those before
}

// has says whether a delivery was taken.
func (h *had) has(app hub.AppID, k mark) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.apps[app]
	return of != nil && (of[0][k] || of[1][k])
}

// add remembers a delivery.
func (h *had) add(app hub.AppID, k mark) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.apps == nil {
		h.apps = map[hub.AppID]*[2]map[mark]bool{}
	}
	of := h.apps[app]
	if of == nil {
		of = &[2]map[mark]bool{{}}
		h.apps[app] = of
	}
	if len(of[0]) >= hadMost {
		of[0], of[1] = map[mark]bool{}, of[0]
	}
	of[0][k] = true
}
