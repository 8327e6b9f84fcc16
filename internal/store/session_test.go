package store

import (
	"testing"
	"time"
)

// A hub that vanishes in a transaction keeps its locks for as long as the server waits for a silent session; eight hours by
// default.
func TestSilentSessionsEnd(t *testing.T) {
	dsn, err := mysqlConfig(source{name: "shard", dsn: "hub:pw@tcp(db:3306)/hub"}, Config{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := time.ParseDuration(dsn.Params["wait_timeout"] + "s")
	if err != nil || seconds < time.Second || seconds > time.Minute {
		t.Errorf("wait_timeout is %q", dsn.Params["wait_timeout"])
	}
}
