package store

import (
	"testing"
	"time"
)

// TestSurveyBesideAnotherMigrate has the state that a Migrate sees when another one makes the installation between its
// look at the control database and its look at the vault: nothing is lost.
func TestSurveyBesideAnotherMigrate(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Control: "sqlite:" + dir + "/c.db", Vault: "sqlite:" + dir + "/v.db", Shards: []string{"sqlite:" + dir + "/0.db"},
		Clock: time.Now, IDs: rising()}
	s, err := assemble(cfg, forUse)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	seen := map[*database]state{s.vault: {installation: "ins_x"}}
	if err := s.noneLost(t.Context(), s.all(), seen); err == nil {
		t.Error("a control database that stays fresh is not called lost")
	}
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.noneLost(t.Context(), s.all(), seen); err != nil {
		t.Errorf("after the other Migrate: %v", err)
	}
}
