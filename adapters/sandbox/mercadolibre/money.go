package mercadolibre

import (
	"encoding/json"
	"strconv"
	"strings"
)

// spelling is how an order prints its amounts. They are numbers, and one document spells them differently from the next.
type spelling int

const (
	padded   spelling = iota // 1500.00, 52240.00 also where the currency has no decimals
	fraction                 // 1500.0, 69.9
	shortest                 // 1500, 69.9
)

// amount prints hundredths or, in a currency without decimals, whole units. Nothing passes through a binary fraction.
func (s *site) amount(minor int64, how spelling) json.Number {
	if minor < 0 {
		return "-" + s.amount(-minor, how)
	}
	if s.digits == 0 {
		minor *= 100
	}
	whole, cents := strconv.FormatInt(minor/100, 10), twoDigits(minor%100)
	switch how {
	case padded:
	case fraction, shortest:
		if cents = strings.TrimRight(cents, "0"); cents == "" && how == fraction {
			cents = "0"
		}
	}
	if cents == "" {
		return json.Number(whole)
	}
	return json.Number(whole + "." + cents)
}

// noisy prints an amount as a double that was added up: 14.290000000000001.
func (s *site) noisy(minor int64) json.Number { return s.amount(minor, padded) + "0000000000001" }

func twoDigits(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// decimal prints an amount with exactly the digits of ISO 4217.
func (s *site) decimal(minor int64) string {
	switch {
	case minor < 0:
		return "-" + s.decimal(-minor)
	case s.digits == 0:
		return strconv.FormatInt(minor, 10)
	}
	return strconv.FormatInt(minor/100, 10) + "." + twoDigits(minor%100)
}

// price turns a price of the catalogue into the smallest unit of the currency, in an order of size that the country is
// used to. Where the platform shows no decimals there are none, whatever ISO 4217 says (U: whether cents ever appear).
func (s *site) price(hundredths int64) int64 {
	switch {
	case s.digits == 0:
		return hundredths * 10
	case s.whole:
		return hundredths * 1000
	}
	return hundredths
}

// round takes off what the country's prices do not show.
func (s *site) round(minor int64) int64 {
	if s.whole && s.digits > 0 {
		return minor / 100 * 100
	}
	return minor
}

func digitsOf(n int64) string { return strconv.FormatInt(n, 10) }
