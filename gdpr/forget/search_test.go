package forget

import (
	"bytes"
	"testing"

	"hub/gdpr"
)

func identifier(t testing.TB, kind gdpr.IdentifierKind, value string) gdpr.Identifier {
	t.Helper()
	id, err := gdpr.NewIdentifier(kind, value)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		kind  gdpr.IdentifierKind
		value string
		text  string
		want  bool
	}{
		{gdpr.IdentifierEmail, "Ann.Lee@Example.com", `{"email":"ANN.lee@example.COM"`, true},
		{gdpr.IdentifierEmail, "ann.lee@example.com", `mail=ann.lee%40example.com&x=100%`, true},
		{gdpr.IdentifierEmail, "ann.lee@example.com", `{"e":"ann.lee\u0040example.com\n"`, true},
		{gdpr.IdentifierEmail, "ann/lee@example.com", `{"e":"\"ann\/lee@example.com\"`, true},
		{gdpr.IdentifierEmail, "jörg@example.com", `{"e":"J\u00d6RG@example.com"`, true},
		{gdpr.IdentifierEmail, "ann.lee@example.com", `ann lee example com`, false},
		{gdpr.IdentifierEmail, "ann.lee@example.com", `\u00`, false},
		{gdpr.IdentifierPhone, "+49 151 12345678", `"+49 (151) 123-456.78"`, true},
		{gdpr.IdentifierPhone, "+49 151 12345678", `0151 12345678`, true},
		{gdpr.IdentifierPhone, "+49 151 12345678", `4915112345678`, true},
		{gdpr.IdentifierPhone, "+49 151 12345678", `"151","12345678"`, false},
		{gdpr.IdentifierPhone, "+49 151 12345678", `+49 151 12345679`, false},
		{gdpr.IdentifierPhone, "12345", `call 12-345 now`, true},
		{gdpr.IdentifierPhone, "12345", `order 9912345`, false},
		{gdpr.IdentifierTaxID, "123.456.789-09", `cpf: 123.456.789-09`, true},
		{gdpr.IdentifierTaxID, "12345678909", `"cpf":"123.456.789-09"`, true},
		{gdpr.IdentifierTaxID, "DE 123456789", `vat de123456789`, true},
		{gdpr.IdentifierTaxID, "DE 123456789", `vat de123456780`, false},
		{gdpr.IdentifierCustomer, "777", `"customer":{"id":777,`, true},
		{gdpr.IdentifierCustomer, "777", `"customer":{"id":17773,`, false},
	} {
		if got := names([]byte(c.text), []gdpr.Identifier{identifier(t, c.kind, c.value)}); got != c.want {
			t.Errorf("%s %q in %q: %v, want %v", c.kind, c.value, c.text, got, c.want)
		}
	}
}

// FuzzNames hides an address and a number between foreign bytes.
func FuzzNames(f *testing.F) {
	f.Add([]byte(`{"a":"\u00e`), []byte(`\`), []byte("%"))
	f.Add([]byte("\xff\\u"), []byte("%4"), []byte(`\ud800`))
	mail := identifier(f, gdpr.IdentifierEmail, "ann.lee@example.com")
	phone := identifier(f, gdpr.IdentifierPhone, "+49 151 12345678")
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		for _, p := range []struct {
			id   gdpr.Identifier
			text string
		}{{mail, "Ann.Lee@EXAMPLE.com"}, {phone, "151 / 12345678"}} {
			if !names(bytes.Join([][]byte{a, []byte(p.text), b}, nil), []gdpr.Identifier{p.id}) {
				t.Errorf("%s was not found", p.id.Kind)
			}
		}
		names(bytes.Join([][]byte{a, b, c}, nil), []gdpr.Identifier{mail, phone})
	})
}
