package strictjson

import (
	"errors"
	"strings"
	"testing"

	"hub"
)

// TestEach: several documents come one by one, until one is refused; none at all is no document.
func TestEach(t *testing.T) {
	refused := errors.New("refused")
	for text, want := range map[string]string{
		`1`: "1", "1 2\n3 \n": "1 2 3", `{}[]`: "{} []", `1 x 3`: "1 malformed_json", `1 9 3`: "1 refused", ``: "malformed_json", " \n": "malformed_json",
	} {
		var got []string
		err := Each([]byte(text), func(v Value) error {
			if string(v.Raw()) == "9" {
				return refused
			}
			got = append(got, string(v.Raw()))
			return nil
		})
		if errors.Is(err, refused) {
			got = append(got, "refused")
		} else if err != nil {
			got = append(got, string(hub.CodeOf(err)))
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%q: %s, want %s", text, all, want)
		}
	}
}

// TestRead: what cannot be parsed, and what is refused, names the operation, unless it has another; and makes nothing.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`1`: "<nil>", ` `: "reading x", `{}{}`: "reading x", `2`: "reading x", `3`: "its own", `4`: "plain",
	} {
		made, err := Read("reading x", []byte(text), func(v Value) (string, error) {
			switch v.Text() {
			case "2":
				return "half", hub.Invalid(hub.CodeMissing, "id")
			case "3":
				return "half", &hub.Error{Kind: hub.KindInvalid, Op: "its own"}
			case "4":
				return "half", errors.New("plain")
			}
			return "whole", nil
		})
		got := "<nil>"
		var e *hub.Error
		if errors.As(err, &e) {
			got = e.Op
		} else if err != nil {
			got = err.Error()
		}
		if got != want || (made == "whole") != (err == nil) || made == "half" {
			t.Errorf("%q: made %q, %s, want %s", text, made, got, want)
		}
	}
}
