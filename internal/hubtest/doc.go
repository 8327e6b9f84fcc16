// Package hubtest gives tests a whole hub in one call: the real one, opened by package app, on temporary folders and free
// ports, on the embedded size or on a real MariaDB, in this process or in one of its own that can be killed.
//
// It promises production durability and that nothing outlives the test. It is imported by tests only.
package hubtest
