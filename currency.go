package hub

import "strings"

// Currency is an ISO 4217 alphabetic code in upper case.
type Currency string

// The ISO 4217 list by number of decimals. It is our own because CLDR, which most libraries follow, says 0 for COP, IDR
// and HUF where ISO says 2. Codes that were withdrawn since 2020 are kept: orders outlive them.
var exponents = currencyTable(map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE " +
		"CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD " +
		"HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK " +
		"MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD " +
		"RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH " +
		"USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG " +
		"ANG BGN HRK CUC SLL ZWL BYR",
	3: "BHD IQD JOD KWD LYD OMR TND ",
	4: "CLF UYW ",
})

func currencyTable(byExponent map[int]string) map[Currency]int {
	table := make(map[Currency]int, 180)
	for exponent, codes := range byExponent {
		for code := range strings.FieldsSeq(codes) {
			table[Currency(code)] = exponent
		}
	}
	return table
}

// ParseCurrency returns the currency of a code exactly as ISO 4217 spells it.
func ParseCurrency(code string) (Currency, error) {
	if _, ok := exponents[Currency(code)]; !ok {
		return "", &Error{Kind: KindInvalid, Code: CodeCurrencyUnknown, Op: "parsing currency"}
	}
	return Currency(code), nil
}

// Exponent returns the number of decimals of the currency, 0 to 4. ok is false for a code outside of ISO 4217.
func (c Currency) Exponent() (decimals int, ok bool) {
	decimals, ok = exponents[c]
	return decimals, ok
}
