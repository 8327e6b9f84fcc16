package bus

import (
	"embed"
	"path"
)

// schemas are the JSON Schemas (2020-12) of the events, by file name.
//
//go:embed schema/*.json
var schemas embed.FS

// Schemas returns the published JSON Schemas by file name; each is served as /schemas/{name}, which is its $id. A schema
// that was published is never changed except by adding members: another shape is another number.
func Schemas() map[string][]byte {
	entries, _ := schemas.ReadDir("schema") // what is embedded is there
	all := make(map[string][]byte, len(entries))
	for _, e := range entries {
		all[e.Name()], _ = schemas.ReadFile(path.Join("schema", e.Name()))
	}
	return all
}
