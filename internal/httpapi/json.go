package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a request's body; ours need three levels.
const maxDepth = 16

var errShape = errors.New("not one JSON object")

// checkJSON reports whether body is one JSON object of UTF-8 text in which no object has a member twice, and returns the
// names of its members. encoding/json alone would take the last of two and any case, so that a proxy and the hub could
// read different requests.
func checkJSON(body []byte) (members []string, err error) {
	if !utf8.Valid(body) {
		return nil, errShape
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	first, err := d.Token()
	if err != nil || first != json.Delim('{') {
		return nil, errShape
	}
	if members, err = checkObject(d, 1); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errShape
	}
	return members, nil
}

// checkObject reads the rest of an object whose brace has been read.
func checkObject(d *json.Decoder, depth int) (members []string, err error) {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok || seen[name] {
			return nil, errShape
		}
		seen[name] = true
		members = append(members, name)
		if err := checkValue(d, depth); err != nil {
			return nil, err
		}
	}
	return members, closing(d)
}

func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil || depth >= maxDepth {
		return errShape
	}
	switch token {
	case json.Delim('{'):
		_, err := checkObject(d, depth+1)
		return err
	case json.Delim('['):
		for d.More() {
			if err := checkValue(d, depth+1); err != nil {
				return err
			}
		}
		return closing(d)
	}
	return nil
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errShape
	}
	return nil
}
