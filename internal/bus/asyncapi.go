package bus

import _ "embed"

//go:embed asyncapi.json
var asyncAPI []byte

// AsyncAPI returns the description of streams and events in AsyncAPI 3, served as /asyncapi.json.
func AsyncAPI() []byte { return asyncAPI }
