package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/config"
	"hub/internal/store"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// calm is a hub in order, with a root that the vault is sealed under.
func calm() (surroundings, store.ForgetState) {
	s := surroundings{now: noon, sameVolume: no, swapOn: no, coreLimit: no, corePattern: "core",
		roots: []rootFile{{generation: 3, madeAt: noon.Add(-30 * 24 * time.Hour)}}}
	return s, store.ForgetState{Vault: gdpr.State{Generation: 3}, Pending: forget.Pending{Subjects: 1000},
		Cycle: forget.Cycle{Number: 2, Phase: forget.PhaseDone, From: 2, To: 3}}
}

// judged is what doctor says: every check by name.
func judged(s surroundings, st store.ForgetState) map[string]Check {
	all := map[string]Check{}
	for _, c := range append([]Check{s.rights(), s.place(), s.swap(), s.coreDumps()}, s.forgetting(st)...) {
		all[c.Name] = c
	}
	return all
}

func TestDoctorJudges(t *testing.T) {
	killed := func(n int64, ago time.Duration) func(*surroundings, *store.ForgetState) {
		return func(_ *surroundings, st *store.ForgetState) {
			st.Pending.Kills, st.KilledAt = n, noon.Add(-ago)
		}
	}
	running := func(phase forget.Phase, hubs ...forget.Hub) func(*surroundings, *store.ForgetState) {
		return func(_ *surroundings, st *store.ForgetState) {
			st.Cycle = forget.Cycle{Number: 3, Phase: phase, From: 3, To: 4, BeganAt: noon.Add(-5 * time.Minute)}
			st.Hubs = hubs
		}
	}
	roots := func(generations ...int) func(*surroundings, *store.ForgetState) {
		return func(s *surroundings, _ *store.ForgetState) {
			s.roots = nil
			for _, g := range generations {
				s.roots = append(s.roots, rootFile{g, noon})
			}
		}
	}
	late := forget.Hub{Instance: "ins_late", Generation: 3, SeenAt: noon.Add(-3 * time.Hour)}
	for name, c := range map[string]struct {
		change              func(*surroundings, *store.ForgetState)
		check, status, says string
	}{
		"others may read":       {func(s *surroundings, _ *store.ForgetState) { s.open = []string{"/k/forget"} }, "rights", "failed", "/k/forget"},
		"one volume":            {func(s *surroundings, _ *store.ForgetState) { s.sameVolume = yes }, "place of the root key", "warning", "same-volume"},
		"volume not known":      {func(s *surroundings, _ *store.ForgetState) { s.sameVolume = unknown }, "place of the root key", "warning", "same-volume"},
		"swap":                  {func(s *surroundings, _ *store.ForgetState) { s.swapOn = yes }, "swap", "warning", "on"},
		"swap not known":        {func(s *surroundings, _ *store.ForgetState) { s.swapOn = unknown }, "swap", "warning", "not known"},
		"core files":            {func(s *surroundings, _ *store.ForgetState) { s.coreLimit = yes }, "core dumps", "warning", "allowed"},
		"core limit not known":  {func(s *surroundings, _ *store.ForgetState) { s.coreLimit = unknown }, "core dumps", "warning", "allowed"},
		"cores through a pipe":  {func(s *surroundings, _ *store.ForgetState) { s.corePattern = "|/usr/lib/collect %p" }, "core dumps", "warning", "program"},
		"old HUB_KEYS":          {roots(2), "age of the root key", "failed", "HUB_KEYS is an old copy"},
		"old vault":             {roots(4), "age of the root key", "failed", "the vault is an old copy"},
		"a root came back":      {roots(2, 3), "age of the root key", "failed", "root 2 is still there"},
		"an hour of waiting":    {killed(1, time.Hour), "forget cycle", "ok", "1 killed keys"},
		"half a day of waiting": {killed(1, 12*time.Hour), "forget cycle", "warning", "12 hours"},
		"promise kept":          {killed(1, 48*time.Hour), "forget cycle", "warning", "48 hours"},
		"promise broken":        {killed(1, 48*time.Hour+time.Second), "forget cycle", "failed", "48 hours promised"},
		"nothing waits":         {killed(0, 0), "forget cycle", "ok", "47 hours"},
		"nobody is behind":      {running(forget.PhaseSealed, forget.Hub{Instance: "a", Generation: 4}), "hubs", "ok", "none"},
		"before the roots":      {running(forget.PhaseKeyed, late), "hubs", "ok", "none"},
		"a hub is behind":       {running(forget.PhaseSealed, late), "hubs", "warning", "ins_late (last seen 3 hours ago)"},
		"many die":              {killed(1001, 0), "approval", "warning", "--approve 1001"},
	} {
		s, st := calm()
		c.change(&s, &st)
		got, there := judged(s, st)[c.check]
		if !there || got.Status != c.status || !strings.Contains(got.Detail+" "+got.Fix, c.says) {
			t.Errorf("%s: %+v, want %s with %q", name, got, c.status, c.says)
		}
		if got.Status != "ok" && got.Fix == "" {
			t.Errorf("%s: nothing is said to be done", name)
		}
	}
}

// TestDoctorIsCalm: what is in order raises no voice, and the second root of a cycle is in order.
func TestDoctorIsCalm(t *testing.T) {
	for name, change := range map[string]func(*surroundings, *store.ForgetState){
		"at rest":      func(*surroundings, *store.ForgetState) {},
		"never sealed": func(s *surroundings, st *store.ForgetState) { s.roots, *st = nil, store.ForgetState{} },
		"10 of a few": func(_ *surroundings, st *store.ForgetState) {
			st.Pending = forget.Pending{Kills: 10, Subjects: 1}
			st.KilledAt = noon
		},
		"1 % of many": func(_ *surroundings, st *store.ForgetState) {
			st.Pending = forget.Pending{Kills: 1000, Subjects: 99_000}
			st.KilledAt = noon
		},
		"within a cycle": func(s *surroundings, st *store.ForgetState) {
			s.roots = append(s.roots, rootFile{4, noon})
			st.Cycle = forget.Cycle{Number: 3, Phase: forget.PhaseKeyed}
		},
		"cycle of roots": func(s *surroundings, st *store.ForgetState) {
			s.roots = append(s.roots, rootFile{4, noon})
			st.Vault.Generation = 4
			st.Cycle = forget.Cycle{Number: 3, Phase: forget.PhaseSealed, To: 4}
		},
	} {
		s, st := calm()
		change(&s, &st)
		for _, c := range judged(s, st) {
			if c.Status != "ok" {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

// TestLook finds the facts of a folder.
func TestLook(t *testing.T) {
	data, keys := t.TempDir(), t.TempDir()
	for _, folder := range []string{data, keys, filepath.Join(keys, "forget"), filepath.Join(keys, "keep")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(keys, "forget", "root.7")
	if err := os.WriteFile(root, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Config{Data: data, Keys: keys}
	s := look(cfg)
	if len(s.open) > 0 || len(s.roots) != 1 || s.roots[0].generation != 7 || s.roots[0].madeAt.IsZero() || s.sameVolume != yes {
		t.Errorf("%+v", s)
	}
	if err := os.Chmod(root, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o701); err != nil {
		t.Fatal(err)
	}
	if s := look(cfg); len(s.open) != 2 {
		t.Errorf("open: %v", s.open)
	}
	cfg.Vault.DSN = "hub:x@tcp(db:3306)/vault"
	if s := look(cfg); s.sameVolume != no {
		t.Errorf("a vault on a server: %v", s.sameVolume)
	}
	if s := look(config.Config{Data: data, Keys: filepath.Join(keys, "none")}); s.sameVolume != unknown || len(s.roots) > 0 {
		t.Errorf("without keys: %+v", s)
	}
}
