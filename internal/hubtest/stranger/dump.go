package stranger

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// readDump returns the rows of a dump in SQL, made with complete inserts and binary columns in hexadecimal.
func readDump(text string) map[string][]row {
	found := map[string][]row{}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "INSERT INTO `")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, "` (")
		names, rest, _ := strings.Cut(rest, ") VALUES")
		var columns []string
		for _, c := range strings.Split(names, ",") {
			columns = append(columns, strings.Trim(strings.TrimSpace(c), "`"))
		}
		s := scanner{text: rest}
		for s.next('(') {
			r := row{}
			for _, c := range columns {
				r[c] = s.value()
			}
			found[name] = append(found[name], r)
		}
	}
	return found
}

// scanner reads the values of an INSERT.
type scanner struct {
	text string
	at   int
}

// next moves behind the next c, and is false when the statement ends first.
func (s *scanner) next(c byte) bool {
	for ; s.at < len(s.text); s.at++ {
		if s.text[s.at] == c {
			s.at++
			return true
		}
	}
	return false
}

// value reads one value and the comma or parenthesis behind it.
func (s *scanner) value() any {
	if strings.HasPrefix(s.text[s.at:], "'") {
		return s.quoted()
	}
	end := s.at + strings.IndexAny(s.text[s.at:], ",)")
	word := strings.TrimSpace(s.text[s.at:end])
	s.at = end + 1
	switch {
	case strings.HasPrefix(word, "0x"):
		b, _ := hex.DecodeString(word[2:])
		return b
	case word == "NULL":
		return nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return word
	}
	return n
}

func (s *scanner) quoted() string {
	var b strings.Builder
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case '\\':
			s.at++
			b.WriteByte(s.text[s.at])
		case '\'':
			s.at += 2
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
