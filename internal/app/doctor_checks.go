package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hub/gdpr/forget"
	"hub/internal/store"
)

// What is promised of forgetting. A killed key can be recovered from copies no longer than promisedT after the kill:
// the wait for a cycle, the delay of the root store, and the life of the longest-lived copy of a root, which only the
// operator knows.
const (
	promisedT        = 48 * time.Hour
	cycleEvery       = time.Hour
	destructionDelay = 0 // of a root in a file
	rootCopyLife     = promisedT - cycleEvery - destructionDelay
)

func (s surroundings) rights() Check {
	const name = "rights"
	if len(s.open) > 0 {
		return failed(name, "open to other users: "+strings.Join(s.open, ", "), "chmod go-rwx "+strings.Join(s.open, " "))
	}
	return ok(name, "data and keys are their owner's alone")
}

func (s surroundings) place() Check {
	const name = "place of the root key"
	const fix = "set HUB_KEYS to a folder on another volume, in no backup set"
	switch s.sameVolume {
	case no:
		return ok(name, "separate-store: not on the vault's device")
	case yes:
		return warning(name, "same-volume: whoever copies the vault's disk copies the root key, and certificates will say so", fix)
	}
	return warning(name, "not known, so it counts as same-volume", fix)
}

func (s surroundings) swap() Check {
	const name = "swap"
	switch s.swapOn {
	case no:
		return ok(name, "off")
	case yes:
		return warning(name, "on: keys in memory can reach the disk", "turn swap off, or encrypt it with a key made at boot")
	}
	return warning(name, "not known on this system", "make sure that memory is never written to disk in clear")
}

// coreDumps: the kernel starts a program behind a pipe whatever the limit says (core(5)).
func (s surroundings) coreDumps() Check {
	const name = "core dumps"
	switch {
	case strings.HasPrefix(s.corePattern, "|"):
		return warning(name, "handed to a program, which ulimit does not prevent: a crash can write keys to disk",
			"set kernel.core_pattern to a plain name, or have that program store nothing of the hub")
	case s.coreLimit == no:
		return ok(name, "off")
	}
	return warning(name, "allowed: a crash can write keys to disk", "start the hub with `ulimit -c 0`")
}

// forgetting judges what the vault says, with the names and ages of the roots.
func (s surroundings) forgetting(st store.ForgetState) []Check {
	checks := []Check{s.rootAge(st), s.pending(st)}
	if c := st.Cycle; c.Number > 0 && c.Phase != forget.PhaseDone {
		checks = append(checks, s.cycle(st))
	}
	if p := st.Pending; p.Unusual() {
		checks = append(checks, warning("approval", fmt.Sprintf("the next cycle would forget %d of %d persons and waits", p.Kills, p.Kills+p.Subjects),
			fmt.Sprintf("find out why so many; then `hub key forget --approve %d`", p.Kills)))
	}
	return checks
}

// rootAge holds the roots against the vault and against what was promised of their end.
func (s surroundings) rootAge(st store.ForgetState) Check {
	const name = "age of the root key"
	sealed := st.Vault.Generation
	if len(s.roots) == 0 || sealed == 0 {
		return ok(name, "nothing is sealed under a root yet")
	}
	compare := func(a, b rootFile) int { return a.generation - b.generation }
	oldest, newest := slices.MinFunc(s.roots, compare), slices.MaxFunc(s.roots, compare)
	running := st.Cycle.Number > 0 && st.Cycle.Phase != forget.PhaseDone
	switch {
	case newest.generation < sealed:
		return failed(name, fmt.Sprintf("root %d is older than the vault, which is sealed under root %d: HUB_KEYS is an old copy", newest.generation, sealed),
			"bring the newest HUB_KEYS/forget back; this copy of it opens what was forgotten, so destroy it")
	case oldest.generation > sealed:
		return failed(name, fmt.Sprintf("root %d is younger than the vault, which is sealed under root %d: the vault is an old copy", oldest.generation, sealed),
			"bring the newest vault back; nothing opens this one")
	case oldest.generation < sealed && !running:
		return failed(name, fmt.Sprintf("root %d is still there and no cycle is destroying it: it opens what was forgotten", oldest.generation),
			"look for a copy that somebody put back, and destroy it; then run `hub key forget`")
	}
	return ok(name, fmt.Sprintf("root %d, made %s ago", newest.generation, age(s.now, newest.madeAt)))
}

// pending says how far kills are from being final. T is stated with it, since only the operator knows of copies of a root.
func (s surroundings) pending(st store.ForgetState) Check {
	const name = "forget cycle"
	bound := fmt.Sprintf("copies of HUB_KEYS/forget may live %d hours to keep the %d promised", rootCopyLife/time.Hour, promisedT/time.Hour)
	if st.Pending.Kills == 0 || st.KilledAt.IsZero() {
		return ok(name, "no killed key waits; "+bound)
	}
	waits := s.now.Sub(st.KilledAt)
	detail := fmt.Sprintf("%d killed keys wait for a cycle, the oldest for %s", st.Pending.Kills, age(s.now, st.KilledAt))
	const fix = "see the checks below, or run `hub key forget`"
	switch {
	case waits > promisedT:
		return failed(name, fmt.Sprintf("%s, longer than the %d hours promised", detail, promisedT/time.Hour), fix)
	case waits > 2*cycleEvery:
		return warning(name, detail+"; a cycle runs every hour when something waits", fix)
	}
	return ok(name, detail+"; "+bound)
}

// cycle names the hubs that one under way waits for.
func (s surroundings) cycle(st store.ForgetState) Check {
	const name = "hubs"
	c := st.Cycle
	detail := fmt.Sprintf("cycle %d is %s since %s", c.Number, c.Phase, age(s.now, c.BeganAt))
	var behind []string
	for _, h := range st.Hubs {
		if c.Phase == forget.PhaseSealed && h.Generation < c.To {
			behind = append(behind, fmt.Sprintf("%s (last seen %s ago)", h.Instance, age(s.now, h.SeenAt)))
		}
	}
	if len(behind) == 0 {
		return ok(name, detail+"; none is behind")
	}
	return warning(name, detail+" and waits for "+strings.Join(behind, ", "),
		"start them; if the disk of one is gone for good, `hub instance remove INSTANCE`, which certificates will name")
}

// age is a time for people.
func age(now, then time.Time) string {
	d := now.Sub(then)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", max(d, 0)/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d hours", d/time.Hour)
}
