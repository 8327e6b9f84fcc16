package mariadb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// requireInstalled skips t where there is no MariaDB server, or fails it when HUB_TEST_REQUIRE=1.
func requireInstalled(t testing.TB) {
	t.Helper()
	_, err := findBinary("mariadbd")
	if err == nil {
		_, err = findBinary("mariadb-install-db")
	}
	switch {
	case err == nil:
	case os.Getenv("HUB_TEST_REQUIRE") == "1":
		t.Fatalf("HUB_TEST_REQUIRE=1 and no MariaDB server is installed (%v); scripts/servers installs it", err)
	default:
		t.Skipf("no MariaDB server is installed (%v); scripts/servers installs it", err)
	}
}

// findBinary looks in PATH and where Debian keeps servers, which is not in every user's PATH.
func findBinary(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// initialise makes an empty data folder. It takes about a second, most of it waiting, so no template is kept.
func initialise(dataDir string) error {
	binary, err := findBinary("mariadb-install-db")
	if err != nil {
		return err
	}
	options := []string{
		"--no-defaults",
		"--datadir=" + dataDir,
		// A server that starts removes what it takes for left-over temporary tables of its temporary folder: two
		// installations in one folder break each other.
		"--tmpdir=" + filepath.Dir(dataDir),
		"--auth-root-authentication-method=normal",
		"--skip-test-db",
		"--skip-name-resolve",
		"--innodb-log-file-size=8M", // grows to the real size at the first start
	}
	if os.Geteuid() == 0 {
		// The server refuses root unless told. As plain --user=root the script would take it, too, and give files of
		// the machine's own MariaDB (its PAM tool) to that user; with the prefix only the server understands it.
		options = append(options, "--loose-user=root")
	}
	if out, err := exec.Command(binary, options...).CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	return nil
}
