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
		if _, err := k.Use().Seal(nil, walPlace, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeals500 prepares one batch of 500 orders of different customers, each with an order and a raw lot and with two
// identifiers: everything in memory, a hub that starts, people who are new, and the first batch of a vault.
func BenchmarkSeals500(b *testing.B) {
	batch := func(round int) (holders []gdpr.Holder) {
		for i := range 500 {
			h := one(placed(customer(hub.ExternalID(fmt.Sprint(round, "-", i))), clock(),
				email(fmt.Sprintf("%d-%d@example.com", round, i)), gdpr.Identifier{Kind: gdpr.IdentifierPhone, Value: fmt.Sprint(1000*round + i)}))
			raw := h
			raw.Lot = gdpr.LotRaw
			holders = append(holders, h, raw)
		}
		return holders
	}
	run := func(b *testing.B, k *gdpr.Keys, holders []gdpr.Holder) {
		if _, err := k.Seals(ctx, holders); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("warm", func(b *testing.B) {
		k, holders := keysOver(newVault()), batch(0)
		run(b, k, holders)
		b.ReportAllocs()
		for b.Loop() {
			run(b, k, holders)
		}
	})
	b.Run("cold", func(b *testing.B) {
		v, holders := newVault(), batch(0)
		run(b, keysOver(v), holders)
		for b.Loop() {
			run(b, keysOver(v), holders)
		}
	})
	b.Run("strangers", func(b *testing.B) {
		k, round := keysOver(newVault()), 0
		run(b, k, batch(round))
		b.ReportAllocs()
		for b.Loop() {
			round++
			run(b, k, batch(round))
		}
	})
	b.Run("first", func(b *testing.B) {
		holders := batch(0)
		for b.Loop() {
			run(b, keysOver(newVault()), holders)
		}
	})
}

// BenchmarkKeyring reads the keyring, as after each change of it.
func BenchmarkKeyring(b *testing.B) {
	v := newVault()
	if err := keysOver(v).Refresh(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := keysOver(v).Refresh(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
