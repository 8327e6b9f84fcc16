package gdpr

import (
	"encoding/base32"

	"hub"
)

type (
	// SubjectID names one person as one connection knows them, and the key that forgets them: sub_…
	SubjectID string
	// LotID names what one connection received in one week and class, and the key that ages it: lot_…
	LotID string
)

// Prefixes of the identifiers in the vault.
const (
	SubjectPrefix    = "sub_"
	LotPrefix        = "lot_"
	TenantKeyPrefix  = "tk_"
	CredentialPrefix = "ck_"
)

// idBits is the alphabet of hub.IDSource; headers hold the sixteen bytes instead of the text.
var idBits = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func idText(prefix string, raw [16]byte) string { return string(appendID(nil, prefix, raw)) }

// appendID appends what idText returns.
func appendID(b []byte, prefix string, raw [16]byte) []byte {
	return idBits.AppendEncode(append(b, prefix...), raw[:])
}

// idRaw is the inverse of idText. It refuses a text whose unused last bits are set, so that one id has one text.
func idRaw(prefix, text string) (raw [16]byte, ok bool) {
	if !hub.ValidID(prefix, text) {
		return raw, false
	}
	b, err := idBits.DecodeString(text[len(prefix):])
	if err != nil {
		return raw, false
	}
	copy(raw[:], b)
	return raw, idText(prefix, raw) == text
}
