package httpapi

import (
	"context"
	"net/http"
	"time"

	"hub"
	"hub/gdpr/forget"
)

// Forget runs forget cycles.
type Forget interface {
	// Run begins a cycle, or goes on with the one that was begun, and returns it as far as it came; zero when nothing is
	// pending. approve is how many killed persons the caller knows of; a cycle that kills unusually many is KindConflict
	// with forget.CodeApprovalNeeded unless it is at least that many.
	Run(ctx context.Context, approve int64) (forget.Cycle, error)
}

// Cycles is what the vault knows of cycles and hubs.
type Cycles interface {
	// Pending counts what the next cycle would be for.
	Pending(context.Context) (forget.Pending, error)
	// Current returns the newest cycle; zero when there was none.
	Current(context.Context) (forget.Cycle, error)
	// Hubs returns all that have reported.
	Hubs(context.Context) ([]forget.Hub, error)
	// RemoveHub forgets a hub whose disk is destroyed; KindNotFound when there is none.
	RemoveHub(ctx context.Context, instance string) error
}

func (s *server) forgetting() {
	register(s, operation{
		id: "run-forget-cycle", method: http.MethodPost, path: "/v1/forget-cycles", tag: "Forgetting", roles: operators(),
		summary: "Run a forget cycle",
		description: "After a finished cycle nothing opens what was erased or has expired, in no copy of any database: the root " +
			"that could is destroyed. Asking again goes on with a cycle that is not done; waits_for names the hubs that it " +
			"waits for. When nothing ended since the last one there is nothing to do, and none is begun. One that would end unusually many persons is refused as approval_needed until approve is as high as " +
			"their number.",
		errors: []int{http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}, s.runCycle)
	register(s, operation{
		id: "get-forget-cycle", method: http.MethodGet, path: "/v1/forget-cycles", tag: "Forgetting", roles: operators(),
		summary: "Show the newest forget cycle", description: "And what the next one would be for.",
		errors: []int{http.StatusUnprocessableEntity},
	}, s.showCycles)
}

// cycle is one forget cycle.
type cycle struct {
	Number     int64        `json:"number" minimum:"0" doc:"From 1; 0 when nothing was to be done"`
	Phase      forget.Phase `json:"phase" enum:"none,begun,keyed,rewrapped,sealed,done" doc:"How far it has come: until it is done all of it can be undone. None when nothing was to be done"`
	From       int          `json:"from_generation" doc:"Of the root that it destroys"`
	To         int          `json:"to_generation" doc:"Of the root that follows"`
	Kills      int64        `json:"kills" doc:"Keys of persons that end with it"`
	Weeks      int64        `json:"weeks" doc:"Expired weeks that end with it"`
	Slots      int64        `json:"slots" doc:"Wrapping keys that were renewed"`
	Rows       int64        `json:"rows" doc:"Keys and index entries that live on and were wrapped again"`
	BeganAt    time.Time    `json:"began_at,omitzero"`
	EndedAt    time.Time    `json:"ended_at,omitzero" doc:"Absent until it is done"`
	DurationMS int64        `json:"duration_ms,omitempty" doc:"From begin to end, in milliseconds; absent until it is done"`
	WaitsFor   []string     `json:"waits_for" nullable:"false" doc:"Hubs that still work with the old root"`
	Unreadable []string     `json:"unreadable,omitempty" doc:"Keys and index entries that are damaged and could not be wrapped again: when the cycle is done nothing opens them any more"`
	Receipt    *receipt     `json:"receipt,omitempty" doc:"The root store's word that the old root is gone; absent until then"`
}

// phaseNone is that of a cycle that was not begun, because nothing was pending.
const phaseNone forget.Phase = "none"

// receipt says that a root is gone.
type receipt struct {
	Generation int       `json:"generation"`
	GoneAt     time.Time `json:"gone_at" doc:"When no copy that the store knows of can be read any more"`
	Method     string    `json:"method" doc:"What was done"`
	SameVolume bool      `json:"same_volume" doc:"The root was on the medium of the vault, so that whole-disk copies may hold both"`
}

func showCycle(c forget.Cycle) cycle {
	shown := cycle{
		Number: c.Number, Phase: c.Phase, From: c.From, To: c.To, Kills: c.Kills, Weeks: c.Weeks, Slots: c.Slots, Rows: c.Rows,
		BeganAt: c.BeganAt.UTC(), WaitsFor: append([]string{}, c.WaitsFor...), Unreadable: c.Unreadable,
	}
	if c.Number == 0 {
		shown.Phase = phaseNone
	}
	if !c.EndedAt.IsZero() {
		shown.EndedAt, shown.DurationMS = c.EndedAt.UTC(), max(c.EndedAt.Sub(c.BeganAt).Milliseconds(), 1)
	}
	if r := c.Receipt; !r.GoneAt.IsZero() {
		shown.Receipt = &receipt{r.Generation, r.GoneAt.UTC(), r.Method, r.SameVolume}
	}
	return shown
}

type newCycle struct {
	IdempotencyKey
	Body *cycleWish
}

// cycleWish is what may be said of a cycle; nothing has to be.
type cycleWish struct {
	Approve int64 `json:"approve,omitempty" minimum:"0" doc:"How many persons this cycle may end, when they are unusually many"`
}

type cycleAnswer struct {
	Body cycle
}

func (s *server) runCycle(ctx context.Context, _ caller, in *newCycle) (*cycleAnswer, error) {
	wish := cycleWish{}
	if in.Body != nil {
		wish = *in.Body
	}
	done, err := s.Forget.Run(ctx, wish.Approve)
	if hub.CodeOf(err) == forget.CodeApprovalNeeded {
		return nil, s.approvalNeeded(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	return &cycleAnswer{showCycle(done)}, nil
}

// approvalNeeded adds the numbers that whoever approves has to know.
func (s *server) approvalNeeded(ctx context.Context, needed error) error {
	pending, err := s.Cycles.Pending(ctx)
	if err != nil {
		return err
	}
	p := problemOf(needed, inBody)
	p.Approval = &approval{pending.Kills, pending.Subjects}
	return p
}

// approval is what a cycle is to be approved for.
type approval struct {
	Kills    int64 `json:"kills" doc:"Keys of persons that the cycle would end: what approve has to be at least"`
	Subjects int64 `json:"subjects" doc:"Keys of persons that live on"`
}

// cycles is where forgetting stands.
type cycles struct {
	Current *cycle  `json:"current,omitempty" doc:"The newest cycle; absent before the first"`
	Pending pending `json:"pending" doc:"What the next cycle would be for"`
}

type pending struct {
	Kills    int64 `json:"kills" doc:"Persons whose keys ended and that no finished cycle was for"`
	Slots    int   `json:"slots" doc:"Wrapping keys under which something ended"`
	Subjects int64 `json:"subjects" doc:"Keys of persons that live"`
}

type cyclesAnswer struct {
	Body cycles
}

func (s *server) showCycles(ctx context.Context, _ caller, _ *struct{}) (*cyclesAnswer, error) {
	current, err := s.Cycles.Current(ctx)
	if err != nil {
		return nil, err
	}
	next, err := s.Cycles.Pending(ctx)
	if err != nil {
		return nil, err
	}
	out := &cyclesAnswer{cycles{Pending: pending{next.Kills, len(next.Dirty), next.Subjects}}}
	if current.Number > 0 {
		shown := showCycle(current)
		out.Body.Current = &shown
	}
	return out, nil
}
