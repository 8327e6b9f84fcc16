// Package mariadb starts private MariaDB servers for tests, with the durability of production.
//
// It promises: a server listens on loopback only, reads no configuration of the machine, keeps its files in a
// temporary folder that goes at the end, and dies with the process that started it, even when that process is killed.
// Tests skip with a reason where no mariadbd is installed, and fail instead when HUB_TEST_REQUIRE=1.
//
// It does not promise a realistic size: the buffer pool is small and the binary log is off unless a test asks for it.
// Kill is a process death, not a power cut: the page cache survives it.
//
// A package whose tests can share one server has these lines and calls Shared in its tests:
//
//	func TestMain(m *testing.M) { os.Exit(mariadb.Main(m)) }
package mariadb
