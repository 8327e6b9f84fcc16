// Package jobstest is what every jobs.Store must do: a store in memory, and the suite, the model and the faults that all
// stores are tested with. It promises nothing to production.
package jobstest
