package shopee

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
)

// members are what the JSON body of a call holds.
type members struct {
	ids   map[string]int64
	texts map[string]string
}

// members reads the body of a token call: texts for code and tokens, whole numbers for ids. The partner id must be the one
// of the query. A number as a text, or anything that the call does not know, is a wrong parameter (U).
func (c *call) members(known ...string) (m members, refused *refusal) {
	raw, refused := c.object()
	if refused != nil {
		return m, refused
	}
	m.ids, m.texts = map[string]int64{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		value := raw[name]
		bad := wrong("Wrong parameters, detail: " + name + " is not valid.")
		if !slices.Contains(known, name) {
			return m, bad
		}
		if name == "code" || name == "refresh_token" || name == "resend_code" {
			var s *string
			if json.Unmarshal(value, &s) != nil || s == nil {
				return m, bad
			}
			m.texts[name] = *s
			continue
		}
		n, err := strconv.ParseUint(string(value), 10, 32)
		if err != nil || n == 0 {
			return m, bad
		}
		m.ids[name] = int64(n)
	}
	if slices.Contains(known, "partner_id") && m.ids["partner_id"] != c.app.id {
		return m, wrong("Invalid partner_id.")
	}
	return m, nil
}

// object reads a body that is one JSON object.
func (c *call) object() (map[string]json.RawMessage, *refusal) {
	var raw map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(c.body))
	if d.Decode(&raw) != nil || raw == nil || d.Decode(&struct{}{}) != io.EOF {
		return nil, wrong("The request body is not a valid json format")
	}
	return raw, nil
}

// fields reads named members of the body into values; one that is absent leaves its value alone.
func (c *call) fields(into map[string]any) *refusal {
	raw, refused := c.object()
	if refused != nil {
		return refused
	}
	for _, name := range slices.Sorted(maps.Keys(into)) {
		if raw[name] != nil && json.Unmarshal(raw[name], into[name]) != nil {
			return wrong("Wrong parameters, detail: " + name + " is not valid.")
		}
	}
	return nil
}
