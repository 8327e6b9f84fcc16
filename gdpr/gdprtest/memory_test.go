package gdprtest_test

import (
	"testing"

	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

func TestMemory(t *testing.T) {
	gdprtest.RunVault(t, func(*testing.T) gdpr.Vault { return gdprtest.NewMemory() })
}
