package hub

import (
	"encoding/json"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an exact amount: a count of minor units (cents, yen, fils) of one ISO 4217 currency. The zero Money has no
// currency and is not an amount; an absent amount is a nil *Money.
type Money struct {
	Minor    int64    // minor units, signed
	Currency Currency // decides the exponent
}

// maxMoneyText bounds what ParseMoney reads; int64 has 19 digits, the rest is room for zeros and float noise.
const maxMoneyText = 64

func moneyError(code Code) *Error {
	return &Error{Kind: KindInvalid, Code: code, Op: "parsing money"}
}

// ParseMoney reads a decimal such as "1234.5", "-0.30" or "23600" exactly. Zeros beyond the currency's exponent are
// dropped. Seven or more decimals that are off by less than 10⁻⁶ are float noise and are rounded. Anything else beyond
// the exponent, an exponent sign, a plus, white space or a digit group is refused with CodeMoneyInvalid; what does not
// fit int64 with CodeMoneyOverflow.
func ParseMoney(text string, c Currency) (Money, error) {
	exponent, ok := c.Exponent()
	if !ok {
		return Money{}, moneyError(CodeCurrencyUnknown)
	}
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, dotted := strings.Cut(digits, ".")
	if len(text) > maxMoneyText || !allDigits(whole) || dotted && !allDigits(fraction) {
		return Money{}, moneyError(CodeMoneyInvalid)
	}
	kept, carry, ok := fitFraction(fraction, exponent)
	if !ok {
		return Money{}, moneyError(CodeMoneyInvalid)
	}
	minor, err := strconv.ParseUint(whole+kept, 10, 64)
	if err != nil || minor > 1<<63 {
		return Money{}, moneyError(CodeMoneyOverflow)
	}
	signed, ok := withSign(minor+carry, negative)
	if !ok {
		return Money{}, moneyError(CodeMoneyOverflow)
	}
	return Money{signed, c}, nil
}

// withSign returns ±magnitude, unless int64 cannot hold it. Its range is not symmetric: −2⁶³ fits, 2⁶³ does not.
func withSign(magnitude uint64, negative bool) (signed int64, ok bool) {
	if negative {
		return -int64(magnitude), magnitude <= 1<<63
	}
	return int64(magnitude), magnitude <= math.MaxInt64
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// fitFraction cuts or pads a fraction to exactly exponent digits. carry is 1 when float noise rounds up.
func fitFraction(fraction string, exponent int) (kept string, carry uint64, ok bool) {
	if len(fraction) <= exponent {
		return fraction + strings.Repeat("0", exponent-len(fraction)), 0, true
	}
	kept, extra := fraction[:exponent], fraction[exponent:]
	if strings.Trim(extra, "0") == "" {
		return kept, 0, true
	}
	const noise = 6 // digits that must agree: off by less than 10⁻⁶
	if len(fraction) <= noise {
		return "", 0, false
	}
	switch agree, rest := fraction[exponent:noise], fraction[noise:]; {
	case strings.Trim(agree, "0") == "":
		return kept, 0, true
	case strings.Trim(agree, "9") == "" && strings.Trim(rest, "0") != "":
		return kept, 1, true
	}
	return "", 0, false
}

// Zero returns no money of a currency.
func Zero(c Currency) Money { return Money{0, c} }

// Amount prints the decimal with exactly the currency's number of decimals, as in "1234.50", "23600", "-0.30".
func (m Money) Amount() string { return string(m.appendAmount(nil)) }

func (m Money) appendAmount(b []byte) []byte {
	exponent, _ := m.Currency.Exponent()
	magnitude := uint64(m.Minor)
	if m.Minor < 0 {
		b = append(b, '-')
		magnitude = -magnitude
	}
	unit := pow10[exponent]
	b = strconv.AppendUint(b, magnitude/unit, 10)
	if exponent == 0 {
		return b
	}
	b = append(b, '.')
	fraction := strconv.AppendUint(nil, magnitude%unit+unit, 10) // a leading 1 keeps the zeros
	return append(b, fraction[1:]...)
}

// String prints the amount and the currency, as in "1234.50 BRL".
func (m Money) String() string { return m.Amount() + " " + string(m.Currency) }

// MarshalJSON prints {"amount":"1234.50","currency":"BRL"}.
func (m Money) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 48)
	b = append(b, `{"amount":"`...)
	b = m.appendAmount(b)
	b = append(b, `","currency":"`...)
	b = append(b, m.Currency...)
	return append(b, `"}`...), nil
}

// UnmarshalJSON reads what MarshalJSON prints, and refuses more digits than the currency has.
func (m *Money) UnmarshalJSON(text []byte) error {
	var wire struct {
		Amount   string `json:"amount"`
		Currency string `json:"currency"`
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return moneyError(CodeMoneyInvalid)
	}
	parsed, err := ParseMoney(wire.Amount, Currency(wire.Currency))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// Add returns m + o. Different currencies are CodeCurrencyMixed, a result outside of int64 is CodeMoneyOverflow.
func (m Money) Add(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, &Error{Kind: KindInvalid, Code: CodeCurrencyMixed, Op: "adding money"}
	}
	sum := m.Minor + o.Minor
	if (sum > m.Minor) != (o.Minor > 0) && o.Minor != 0 {
		return Money{}, &Error{Kind: KindInvalid, Code: CodeMoneyOverflow, Op: "adding money"}
	}
	return Money{sum, m.Currency}, nil
}

// Sub returns m − o, with the errors of Add.
func (m Money) Sub(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, &Error{Kind: KindInvalid, Code: CodeCurrencyMixed, Op: "subtracting money"}
	}
	difference := m.Minor - o.Minor
	if (difference < m.Minor) != (o.Minor > 0) && o.Minor != 0 {
		return Money{}, &Error{Kind: KindInvalid, Code: CodeMoneyOverflow, Op: "subtracting money"}
	}
	return Money{difference, m.Currency}, nil
}

// Mul returns m × n; a result outside of int64 is CodeMoneyOverflow.
func (m Money) Mul(n int64) (Money, error) {
	high, low := bits.Mul64(abs(m.Minor), abs(n))
	product, ok := withSign(low, (m.Minor < 0) != (n < 0))
	if high != 0 || !ok {
		return Money{}, &Error{Kind: KindInvalid, Code: CodeMoneyOverflow, Op: "multiplying money"}
	}
	return Money{product, m.Currency}, nil
}

func abs(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Allocate splits m by weights so that the parts add up to m exactly: each part gets its share rounded towards zero, and
// the units left over go one each to the largest remainders, earlier parts first. Weights are not negative; when all
// are zero the parts are equal. No weights at all is an error unless m is zero.
func (m Money) Allocate(weights []int64) ([]Money, error) {
	total, err := weigh(weights)
	if err != nil {
		return nil, err
	}
	if len(weights) == 0 {
		if m.Minor == 0 {
			return nil, nil
		}
		return nil, &Error{Kind: KindInvalid, Code: CodeOutOfRange, Op: "allocating money"}
	}
	if total == 0 {
		weights, total = equal(len(weights)), uint64(len(weights))
	}
	shares, remainders := make([]uint64, len(weights)), make([]uint64, len(weights))
	left := abs(m.Minor)
	for i, w := range weights {
		high, low := bits.Mul64(abs(m.Minor), uint64(w))
		shares[i], remainders[i] = bits.Div64(high, low, total)
		left -= shares[i]
	}
	for ; left > 0; left-- {
		i := largest(remainders)
		shares[i]++
		remainders[i] = 0
	}
	parts := make([]Money, len(shares))
	for i, share := range shares {
		parts[i] = Money{int64(share), m.Currency}
		if m.Minor < 0 {
			parts[i].Minor = -int64(share)
		}
	}
	return parts, nil
}

func weigh(weights []int64) (total uint64, err error) {
	for _, w := range weights {
		if w < 0 || total > math.MaxInt64-uint64(w) {
			return 0, &Error{Kind: KindInvalid, Code: CodeOutOfRange, Op: "allocating money"}
		}
		total += uint64(w)
	}
	return total, nil
}

func equal(n int) []int64 {
	ones := make([]int64, n)
	for i := range ones {
		ones[i] = 1
	}
	return ones
}

func largest(remainders []uint64) int {
	at := 0
	for i, r := range remainders {
		if r > remainders[at] {
			at = i
		}
	}
	return at
}

// pow10 holds the minor units of one unit by exponent.
var pow10 = [...]uint64{1, 10, 100, 1_000, 10_000}
