// Package archtest holds the rules of the house as tests: who may import whom, which library has which door, and how
// packages, exported names, variables, money and time are treated.
//
// It promises that each rule has been seen failing: beside every rule stands a small tree of source that breaks it.
// The tables in table_test.go are the design's table of packages; a package that is in none of their rows is an error.
//
// It reads source and judges form. It does not know whether a comment is true or a design is good, and it follows no
// values: a rule can be evaded by those who want to.
package archtest
