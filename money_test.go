package hub

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyCurrency draws one currency of each exponent.
var anyCurrency = rapid.SampledFrom([]Currency{"JPY", "USD", "COP", "KWD", "CLF"})

func anyMoney() *rapid.Generator[Money] {
	return rapid.Custom(func(t *rapid.T) Money {
		edges := rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1})
		return Money{rapid.OneOf(rapid.Int64(), edges).Draw(t, "minor"), anyCurrency.Draw(t, "currency")}
	})
}

// TestParseMoney is the table of spellings for a currency of two, none and three decimals.
func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		text     string
		currency Currency
		minor    int64
		code     Code
	}{
		{"1234.5", "USD", 123450, ""}, {"-0.30", "USD", -30, ""}, {"-0.00", "USD", 0, ""}, {"0012.30", "USD", 1230, ""}, {"25.0", "USD", 2500, ""},
		{"1.500000", "USD", 150, ""}, {"1.50000000000000", "USD", 150, ""}, {"23600", "JPY", 23600, ""}, {"23600.0", "JPY", 23600, ""}, {"1.234", "KWD", 1234, ""},
		{"12000", "IDR", 1200000, ""}, {"1", "CLF", 10000, ""},
		// Float noise: seven or more decimals, off by less than a millionth.
		{"195.66000000000003", "USD", 19566, ""}, {"0.1299999999", "USD", 13, ""}, {"-0.1299999999", "USD", -13, ""}, {"0.1200009", "USD", 12, ""},
		{"99.9999999999", "USD", 10000, ""}, {"4.9999999", "JPY", 5, ""}, {"5.0000001", "JPY", 5, ""}, {"0.12999999", "CLF", 1300, ""},
		{"0.129999", "USD", 0, CodeMoneyInvalid}, {"0.1299990", "USD", 0, CodeMoneyInvalid}, {"0.1299989999", "USD", 0, CodeMoneyInvalid},
		{"0.1200010", "USD", 0, CodeMoneyInvalid}, {"0.120001", "USD", 0, CodeMoneyInvalid}, {"0.125", "USD", 0, CodeMoneyInvalid}, {"0.5", "JPY", 0, CodeMoneyInvalid},
		// Not decimals.
		{"", "USD", 0, CodeMoneyInvalid}, {"-", "USD", 0, CodeMoneyInvalid}, {".", "USD", 0, CodeMoneyInvalid}, {"1.", "USD", 0, CodeMoneyInvalid}, {".5", "USD", 0, CodeMoneyInvalid},
		{"+1", "USD", 0, CodeMoneyInvalid}, {"--1", "USD", 0, CodeMoneyInvalid}, {"1-", "USD", 0, CodeMoneyInvalid}, {" 1", "USD", 0, CodeMoneyInvalid}, {"1\n", "USD", 0, CodeMoneyInvalid},
		{"1,5", "USD", 0, CodeMoneyInvalid}, {"1,234.50", "USD", 0, CodeMoneyInvalid}, {"1_000", "USD", 0, CodeMoneyInvalid}, {"1e2", "USD", 0, CodeMoneyInvalid}, {"0x1", "USD", 0, CodeMoneyInvalid},
		{"NaN", "USD", 0, CodeMoneyInvalid}, {"Infinity", "USD", 0, CodeMoneyInvalid}, {"1.2.3", "USD", 0, CodeMoneyInvalid}, {"١", "USD", 0, CodeMoneyInvalid},
		{strings.Repeat("0", 65), "USD", 0, CodeMoneyInvalid},
		// The ends of int64.
		{"92233720368547758.07", "USD", math.MaxInt64, ""}, {"92233720368547758.08", "USD", 0, CodeMoneyOverflow}, {"-92233720368547758.08", "USD", math.MinInt64, ""},
		{"-92233720368547758.09", "USD", 0, CodeMoneyOverflow}, {"92233720368547758.0799999999", "USD", 0, CodeMoneyOverflow}, {"-92233720368547758.0799999999", "USD", math.MinInt64, ""},
		{"9223372036854775807", "JPY", math.MaxInt64, ""}, {"18446744073709551616", "JPY", 0, CodeMoneyOverflow}, {"18446744073709551615.9999999", "JPY", 0, CodeMoneyOverflow},
		{"1", "XXX", 0, CodeCurrencyUnknown}, {"1", "usd", 0, CodeCurrencyUnknown}, {"1", "", 0, CodeCurrencyUnknown},
	} {
		got, err := ParseMoney(c.text, c.currency)
		if CodeOf(err) != c.code || err == nil && got != (Money{c.minor, c.currency}) || err != nil && got != (Money{}) {
			t.Errorf("%q %s: %d, %v; want %d, %q", c.text, c.currency, got.Minor, err, c.minor, c.code)
		}
	}
}

// TestMoneyText: what is printed has exactly the currency's decimals and reads back as itself, in text and in JSON.
func TestMoneyText(t *testing.T) {
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoney().Draw(t, "money")
		text := m.Amount()
		exponent, _ := m.Currency.Exponent()
		if _, fraction, _ := strings.Cut(text, "."); len(fraction) != exponent {
			t.Fatalf("%s has %d decimals", text, len(fraction))
		}
		if back, err := ParseMoney(text, m.Currency); err != nil || back != m {
			t.Fatalf("%s reads as %v, %v", text, back, err)
		}
		if back, err := ParseMoney(text+zeros(exponent), m.Currency); err != nil || back != m {
			t.Fatalf("%s with zeros reads as %v, %v", text, back, err)
		}
		encoded, err := json.Marshal(m)
		if want := `{"amount":"` + text + `","currency":"` + string(m.Currency) + `"}`; err != nil || string(encoded) != want {
			t.Fatalf("%s, %v, want %s", encoded, err, want)
		}
		var back Money
		if err := json.Unmarshal(encoded, &back); err != nil || back != m {
			t.Fatalf("%s reads as %v, %v", encoded, back, err)
		}
		n++
	})
	t.Logf("%d amounts", n)
}

func zeros(exponent int) string {
	if exponent == 0 {
		return ".000"
	}
	return "000"
}

// TestFloatNoise: an amount off by less than a millionth, in seven or more decimals, is the amount.
func TestFloatNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(0, 1e15).Draw(t, "minor")
		want := Money{minor, "USD"}
		above := want.Amount() + "0000" + rapid.StringMatching("[0-9]{1,9}").Draw(t, "noise")
		if got, err := ParseMoney(above, "USD"); err != nil || got != want {
			t.Fatalf("%s: %v, %v", above, got, err)
		}
		below := want.Amount() + "9999" + rapid.StringMatching("[0-9]{0,8}[1-9]").Draw(t, "noise")
		if got, err := ParseMoney(below, "USD"); err != nil || got.Minor != minor+1 {
			t.Fatalf("%s: %v, %v", below, got, err)
		}
		far := want.Amount() + rapid.StringMatching("(000[1-9]|999[0-8]|[1-8][0-9]{3})[0-9]{0,6}").Draw(t, "too far")
		if got, err := ParseMoney(far, "USD"); CodeOf(err) != CodeMoneyInvalid {
			t.Fatalf("%s: %v, %v", far, got, err)
		}
	})
}

// TestMoneyArithmetic holds Add, Sub and Mul against big integers, over the edges of int64 too.
func TestMoneyArithmetic(t *testing.T) {
	fits, overflows := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyMoney().Draw(t, "a"), anyMoney().Draw(t, "b")
		check := func(name string, got Money, err error, want *big.Int, same bool) {
			switch {
			case !same:
				if CodeOf(err) != CodeCurrencyMixed || KindOf(err) != KindInvalid {
					t.Fatalf("%s of %s and %s: %v", name, a.Currency, b.Currency, err)
				}
			case !want.IsInt64():
				if CodeOf(err) != CodeMoneyOverflow || got != (Money{}) {
					t.Fatalf("%s of %d and %d: %v, %v", name, a.Minor, b.Minor, got, err)
				}
				overflows++
			default:
				if err != nil || got != (Money{want.Int64(), a.Currency}) {
					t.Fatalf("%s of %d and %d: %v, %v, want %s", name, a.Minor, b.Minor, got, err, want)
				}
				fits++
			}
		}
		x, y := big.NewInt(a.Minor), big.NewInt(b.Minor)
		sum, err := a.Add(b)
		check("sum", sum, err, new(big.Int).Add(x, y), a.Currency == b.Currency)
		difference, err := a.Sub(b)
		check("difference", difference, err, new(big.Int).Sub(x, y), a.Currency == b.Currency)
		product, err := a.Mul(b.Minor)
		check("product", product, err, new(big.Int).Mul(x, y), true)
	})
	t.Logf("%d results fit, %d overflow", fits, overflows)
}

// TestAllocate: the parts add up exactly, each is less than one unit off its share, and no part has the other sign.
func TestAllocate(t *testing.T) {
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoney().Draw(t, "money")
		weights := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 9), rapid.Int64Range(0, math.MaxInt64/20)), 1, 20).Draw(t, "weights")
		parts, err := m.Allocate(weights)
		if err != nil || len(parts) != len(weights) {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		total := new(big.Int)
		for _, w := range weights {
			total.Add(total, big.NewInt(w))
		}
		sum := new(big.Int)
		for i, part := range parts {
			sum.Add(sum, big.NewInt(part.Minor))
			share := big.NewRat(1, int64(len(weights)))
			if total.Sign() > 0 {
				share = new(big.Rat).SetFrac(big.NewInt(weights[i]), total)
			}
			exact := share.Mul(share, new(big.Rat).SetInt64(m.Minor))
			off := exact.Sub(exact, new(big.Rat).SetInt64(part.Minor))
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 || part.Currency != m.Currency {
				t.Fatalf("part %d of %d is %s off", i, m.Minor, off)
			}
			if m.Minor >= 0 && part.Minor < 0 || m.Minor <= 0 && part.Minor > 0 {
				t.Fatalf("part %d of %d is %d", i, m.Minor, part.Minor)
			}
		}
		if sum.Cmp(big.NewInt(m.Minor)) != 0 {
			t.Fatalf("the parts of %d add up to %s", m.Minor, sum)
		}
		n++
	})
	t.Logf("%d allocations", n)
}

// TestAllocateEdges are the cases that the property does not draw.
func TestAllocateEdges(t *testing.T) {
	three, err := Money{100, "USD"}.Allocate([]int64{1, 1, 1})
	if err != nil || three[0].Minor != 34 || three[1].Minor != 33 || three[2].Minor != 33 {
		t.Errorf("thirds of 1.00: %v, %v", three, err)
	}
	whole, err := Money{math.MinInt64, "USD"}.Allocate([]int64{math.MaxInt64})
	if err != nil || whole[0].Minor != math.MinInt64 {
		t.Errorf("the whole of the least: %v, %v", whole, err)
	}
	if parts, err := (Money{0, "USD"}).Allocate(nil); parts != nil || err != nil {
		t.Errorf("nothing to nobody: %v, %v", parts, err)
	}
	for _, weights := range [][]int64{nil, {-1, 2}, {math.MaxInt64, 1}} {
		if _, err := (Money{1, "USD"}).Allocate(weights); CodeOf(err) != CodeOutOfRange {
			t.Errorf("weights %v: %v", weights, err)
		}
	}
}

// TestMoneyJSONRefuses: only what MarshalJSON prints is read.
func TestMoneyJSONRefuses(t *testing.T) {
	for text, code := range map[string]Code{
		`{"amount":1.5,"currency":"USD"}`: CodeMoneyInvalid, `"1.50 USD"`: CodeMoneyInvalid, `{"amount":"1.505","currency":"USD"}`: CodeMoneyInvalid,
		`{"amount":"1.50"}`: CodeCurrencyUnknown, `{"amount":"1.50","currency":"EURO"}`: CodeCurrencyUnknown,
	} {
		var m Money
		err := json.Unmarshal([]byte(text), &m)
		var e *Error
		if !errors.As(err, &e) || e.Code != code || m != (Money{}) {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
}

// TestCurrencies: ISO's decimals, where common lists are wrong too.
func TestCurrencies(t *testing.T) {
	for code, want := range map[Currency]int{"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "COP": 2, "IDR": 2, "HUF": 2, "TWD": 2, "KWD": 3, "CLF": 4, "ANG": 2} {
		if got, ok := code.Exponent(); !ok || got != want {
			t.Errorf("%s has %d decimals, %v", code, got, ok)
		}
	}
	for code := range exponents {
		if parsed, err := ParseCurrency(string(code)); err != nil || parsed != code || len(code) != 3 {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := ParseCurrency("eur"); CodeOf(err) != CodeCurrencyUnknown {
		t.Errorf("eur: %v", err)
	}
	t.Logf("%d currencies", len(exponents))
}
