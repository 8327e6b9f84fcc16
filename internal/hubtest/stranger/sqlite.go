package stranger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// A row of a table by the names of its columns: nil, int64, float64 (as its bits), string or []byte.
type row map[string]any

func (r row) text(name string) string {
	switch v := r[name].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

func (r row) bytes(name string) []byte { return []byte(r.text(name)) }

func (r row) number(name string) int64 {
	n, _ := r[name].(int64)
	return n
}

// sqliteFile is a database file by its documented format (https://sqlite.org/fileformat2.html).
type sqliteFile struct {
	data   []byte
	page   int
	usable int
}

const sqliteMagic = "SQLite format 3\x00"

// openSQLite returns nil when the file is no database.
func openSQLite(data []byte) *sqliteFile {
	if len(data) < 100 || string(data[:16]) != sqliteMagic {
		return nil
	}
	f := &sqliteFile{data: data, page: int(binary.BigEndian.Uint16(data[16:]))}
	if f.page == 1 {
		f.page = 1 << 16
	}
	f.usable = f.page - int(data[20])
	return f
}

// withLog returns a database file as a reader sees it: with the pages of its write-ahead log up to the last commit
// (https://sqlite.org/fileformat2.html, "The Write-Ahead Log").
func withLog(data, log []byte) []byte {
	const header, frameHeader = 32, 24
	if len(log) < header || len(data) < 100 {
		return data
	}
	page := int(binary.BigEndian.Uint32(log[8:]))
	salts := string(log[16:24])
	merged, pages := bytes.Clone(data), map[uint32][]byte{}
	for at := header; at+frameHeader+page <= len(log) && string(log[at+8:at+16]) == salts; at += frameHeader + page {
		pages[binary.BigEndian.Uint32(log[at:])] = log[at+frameHeader : at+frameHeader+page]
		size := int(binary.BigEndian.Uint32(log[at+4:])) // of the database after this commit; 0 in the middle of one
		if size == 0 {
			continue
		}
		if more := size*page - len(merged); more > 0 {
			merged = append(merged, make([]byte, more)...)
		}
		merged = merged[:size*page]
		for number, content := range pages {
			copy(merged[int(number-1)*page:], content)
		}
		clear(pages)
	}
	return merged
}

// tables returns all rows of all tables by the tables' names.
func (f *sqliteFile) tables() (map[string][]row, error) {
	schema := []string{"type", "name", "tbl_name", "rootpage", "sql"}
	found := map[string][]row{}
	err := f.walk(1, func(_ int64, values []any) error {
		s := named(schema, values, -1, 0)
		if s.text("type") != "table" || strings.HasPrefix(s.text("name"), "sqlite_") {
			return nil
		}
		t := parseTable(s.text("sql"))
		return f.walk(int(s.number("rootpage")), func(rowid int64, values []any) error {
			found[s.text("name")] = append(found[s.text("name")], named(t.columns, values, t.rowid, rowid))
			return nil
		})
	})
	return found, err
}

// named gives values their columns' names; the column rowid is stored as the key of its row.
func named(columns []string, values []any, alias int, rowid int64) row {
	r := row{}
	for i, name := range columns {
		switch {
		case i == alias:
			r[name] = rowid
		case i < len(values):
			r[name] = values[i]
		}
	}
	return r
}

// table is the order in which a table's columns are stored.
type table struct {
	columns []string
	rowid   int // which column is the row's number, -1 for none
}

// parseTable reads a CREATE TABLE as the hub's migrations write it.
func parseTable(sql string) table {
	for {
		from := strings.Index(sql, "--")
		if from < 0 {
			break
		}
		to := strings.IndexByte(sql[from:], '\n')
		if to < 0 {
			to = len(sql) - from
		}
		sql = sql[:from] + sql[from+to:]
	}
	body := sql[strings.IndexByte(sql, '(')+1 : strings.LastIndexByte(sql, ')')]
	t := table{rowid: -1}
	var key []string
	depth, start := 0, 0
	for i := 0; i <= len(body); i++ {
		if i < len(body) {
			switch body[i] {
			case '(':
				depth++
			case ')':
				depth--
			}
			if body[i] != ',' || depth > 0 {
				continue
			}
		}
		part := strings.TrimSpace(body[start:i])
		start = i + 1
		words := strings.Fields(part)
		switch {
		case len(words) == 0:
		case strings.HasPrefix(strings.ToUpper(part), "PRIMARY KEY"):
			inside := part[strings.IndexByte(part, '(')+1 : strings.IndexByte(part, ')')]
			for _, c := range strings.Split(inside, ",") {
				key = append(key, strings.TrimSpace(c))
			}
		case strings.HasPrefix(strings.ToUpper(part), "UNIQUE"):
		default:
			if strings.Contains(strings.ToUpper(part), "PRIMARY KEY") {
				key = []string{words[0]}
				if strings.EqualFold(words[1], "INTEGER") {
					t.rowid = len(t.columns)
				}
			}
			t.columns = append(t.columns, strings.Trim(words[0], `"`))
		}
	}
	if strings.Contains(strings.ToUpper(sql), "WITHOUT ROWID") {
		t.rowid = -1
		t.columns = keyFirst(key, t.columns)
	}
	return t
}

func keyFirst(key, columns []string) []string {
	ordered := append([]string{}, key...)
	for _, c := range columns {
		if !strings.Contains(","+strings.Join(key, ",")+",", ","+c+",") {
			ordered = append(ordered, c)
		}
	}
	return ordered
}

// walk calls visit for every entry of a b-tree.
func (f *sqliteFile) walk(number int, visit func(rowid int64, values []any) error) error {
	if number < 1 || number*f.page > len(f.data) {
		return fmt.Errorf("page %d is not in the file", number)
	}
	page := f.data[(number-1)*f.page : number*f.page]
	at := 0
	if number == 1 {
		at = 100
	}
	kind, cells := page[at], int(binary.BigEndian.Uint16(page[at+3:]))
	pointers := at + 8
	if kind == 2 || kind == 5 {
		pointers += 4
	}
	for i := range cells {
		cell := int(binary.BigEndian.Uint16(page[pointers+2*i:]))
		if err := f.cell(kind, page, cell, visit); err != nil {
			return err
		}
	}
	if kind == 2 || kind == 5 {
		return f.walk(int(binary.BigEndian.Uint32(page[at+8:])), visit)
	}
	return nil
}

// cell visits one cell: of a leaf of a table (13), of its inner pages (5), of a leaf (10) or an inner page (2) of an index.
func (f *sqliteFile) cell(kind byte, page []byte, at int, visit func(int64, []any) error) error {
	if kind == 2 || kind == 5 {
		if err := f.walk(int(binary.BigEndian.Uint32(page[at:])), visit); err != nil {
			return err
		}
		at += 4
	}
	if kind == 5 {
		return nil
	}
	size, n := varint(page[at:])
	at += n
	var rowid int64
	if kind == 13 {
		rowid, n = varint(page[at:])
		at += n
	}
	payload, err := f.payload(kind, page, at, int(size))
	if err != nil {
		return err
	}
	return visit(rowid, values(payload))
}

// payload puts a cell's content together from its page and the overflow pages.
func (f *sqliteFile) payload(kind byte, page []byte, at, size int) ([]byte, error) {
	most := f.usable - 35
	if kind != 13 {
		most = (f.usable-12)*64/255 - 23
	}
	if size <= most {
		return page[at : at+size], nil
	}
	least := (f.usable-12)*32/255 - 23
	local := least + (size-least)%(f.usable-4)
	if local > most {
		local = least
	}
	content := append([]byte{}, page[at:at+local]...)
	next := int(binary.BigEndian.Uint32(page[at+local:]))
	for len(content) < size {
		if next < 1 || next*f.page > len(f.data) {
			return nil, fmt.Errorf("overflow page %d is not in the file", next)
		}
		overflow := f.data[(next-1)*f.page : next*f.page]
		content = append(content, overflow[4:4+min(f.usable-4, size-len(content))]...)
		next = int(binary.BigEndian.Uint32(overflow))
	}
	return content, nil
}

func varint(b []byte) (v int64, n int) {
	for n < 8 {
		v = v<<7 | int64(b[n]&0x7f)
		n++
		if b[n-1] < 0x80 {
			return v, n
		}
	}
	return v<<8 | int64(b[8]), 9
}

// values reads a record.
func values(b []byte) []any {
	header, at := varint(b)
	body := int(header)
	var list []any
	for at < int(header) {
		serial, n := varint(b[at:])
		at += n
		v, size := value(serial, b[body:])
		list = append(list, v)
		body += size
	}
	return list
}

func value(serial int64, b []byte) (any, int) {
	widths := map[int64]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}
	switch {
	case serial == 0:
		return nil, 0
	case serial == 8 || serial == 9:
		return serial - 8, 0
	case serial >= 12 && serial%2 == 0:
		n := int(serial-12) / 2
		return append([]byte{}, b[:n]...), n
	case serial >= 13:
		n := int(serial-13) / 2
		return string(b[:n]), n
	}
	width := widths[serial]
	v := int64(int8(b[0]))
	for _, c := range b[1:width] {
		v = v<<8 | int64(c)
	}
	return v, width
}
