package gdpr_test

import (
	"fmt"
	"testing"

	"hub"
	"hub/gdpr"
)

func BenchmarkSeal4KiB(b *testing.B) {
	s := sealFor(b, keysOver(newVault()), holder(customer("1")))
	body := make([]byte, 4096)
	b.ReportAllocs()
	b.SetBytes(4096)
	for b.Loop() {
		if _, err := s.Seal(place, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen4KiB(b *testing.B) {
	k := keysOver(newVault())
	e := sealed(b, sealFor(b, k, holder(customer("1"))), place, string(make([]byte, 4096)))
	b.ReportAllocs()
	b.SetBytes(4096)
	for b.Loop() {
		if _, err := k.Open(ctx, place, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIntakeSeal4KiB(b *testing.B) {
	k := openIntake(b, b.TempDir())
	body := make([]byte, 4096)
	b.ReportAllocs()
	b.SetBytes(4096)
	for b.Loop() {
		if _, err := k.Seal(nil, walPlace, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeals500 prepares one batch of 500 orders of different customers: keys in memory, keys in the vault, no keys.
func BenchmarkSeals500(b *testing.B) {
	holders := make([]gdpr.Holder, 500)
	for i := range holders {
		holders[i] = holder(customer(hub.ExternalID(fmt.Sprint(i))))
	}
	run := func(b *testing.B, k *gdpr.Keys) {
		if _, err := k.Seals(ctx, holders); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("warm", func(b *testing.B) {
		k := keysOver(newVault())
		for b.Loop() {
			run(b, k)
		}
	})
	b.Run("cold", func(b *testing.B) {
		v := newVault()
		for b.Loop() {
			run(b, keysOver(v))
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			run(b, keysOver(newVault()))
		}
	})
}
