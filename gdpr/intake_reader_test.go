package gdpr_test

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"
)

// docRoot reads a root file.
func docRoot(file string) (root string, err error) {
	if len(file) != 48 || file[:8] != "hubroot\x01" || file[44:] != docCRC(file[:44]) {
		return "", errors.New("not a root file")
	}
	return file[12:44], nil
}

// docIntakeKeys reads an intake key file: the keys by their ids, and the two generations in front.
func docIntakeKeys(root, file string) (keys map[string]string, generation, seen uint32, err error) {
	if len(file) < 36+28 || file[:8] != "hubintk\x02" || file[32:36] != docCRC(file[:32]) {
		return nil, 0, 0, errors.New("not an intake key file")
	}
	if file[12:28] != docHKDF(root, "hub root id 1", 16) {
		return nil, 0, 0, errors.New("another root")
	}
	aad := docParts("hub intake keys 2", file[:36])
	plain, err := docGCM(docHKDF(root, "hub intake keys 2", 32), aad, file[36:])
	keys = map[string]string{}
	for ; err == nil && len(plain) >= 48; plain = plain[48:] {
		keys[plain[:16]] = plain[16:48]
	}
	number := func(at int) uint32 { return binary.BigEndian.Uint32([]byte(file[at : at+4])) }
	return keys, number(8), number(28), err
}

// TestIndependentReaderOfIntakeKeys reads a file of several keys.
func TestIndependentReaderOfIntakeKeys(t *testing.T) {
	dir := t.TempDir()
	made := createRoot(t, dir)
	rootKey, err := docRoot(string(read(t, filepath.Join(dir, "forget", "root.1"))))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "intake")
	k := openIntakeUnder(t, folder, made)
	var records []string
	for range 3 {
		e, err := k.Use().Seal(nil, walPlace, []byte(canary))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, string(e))
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	keys, generation, seen, err := docIntakeKeys(rootKey, string(read(t, filepath.Join(folder, "intake.key"))))
	if err != nil || len(keys) != 4 || generation != 1 || seen != 1 {
		t.Fatalf("%d keys, generations %d and %d, %v", len(keys), generation, seen, err)
	}
	find := func(_, raw string) (string, error) {
		if keys[raw] == "" {
			return "", errors.New("key gone")
		}
		return keys[raw], nil
	}
	for i, e := range records {
		if got, err := docOpen(e, "", "wal", "con_1", "P1", 0, find); err != nil || got != canary {
			t.Errorf("record %d: %q, %v", i, got, err)
		}
		if _, err := docOpen(e, "", "wal", "con_2", "P1", 0, find); err == nil {
			t.Errorf("record %d opens at another place: this reader proves nothing", i)
		}
	}
}
