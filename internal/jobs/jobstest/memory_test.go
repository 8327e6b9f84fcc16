package jobstest_test

import (
	"testing"

	"pgregory.net/rapid"

	"hub"
	"hub/internal/jobs/jobstest"
)

func TestMemory(t *testing.T) {
	jobstest.Run(t, func(_ *testing.T, clock hub.Clock) []jobstest.Place {
		return []jobstest.Place{jobstest.NewMemory(clock)}
	})
}

// TestMachine draws the steps, so that a failure shrinks.
func TestMachine(t *testing.T) {
	var sum jobstest.Steps
	walks := 0
	rapid.Check(t, func(t *rapid.T) {
		clock := jobstest.NewClock()
		roll := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "roll") }
		sum.Add(jobstest.Walk(t, []jobstest.Place{jobstest.NewMemory(clock.Now)}, clock, "walk", roll, 80))
		walks++
	})
	t.Logf("%d walks: %+v", walks, sum)
}
