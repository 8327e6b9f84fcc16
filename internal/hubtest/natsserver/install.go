package natsserver

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// binary is where scripts/servers puts the server of this module's version.
func binary() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "hub-servers", "nats-server-v"+server.VERSION)
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o100 == 0 {
		err = fmt.Errorf("%s is no program", path)
	}
	return path, err
}

// requireInstalled skips t where the server was not built, or fails it when HUB_TEST_REQUIRE=1.
func requireInstalled(t testing.TB) string {
	t.Helper()
	path, err := binary()
	switch {
	case err == nil:
	case os.Getenv("HUB_TEST_REQUIRE") == "1":
		t.Fatalf("HUB_TEST_REQUIRE=1 and nats-server was not built (%v); scripts/servers does", err)
	default:
		t.Skipf("nats-server was not built (%v); scripts/servers does", err)
	}
	return path
}
