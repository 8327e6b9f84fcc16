package mercadolibre

import "hub/adapters/adaptertest"

// Samples and how tests change them.
var (
	file   = adaptertest.File
	edited = adaptertest.Edited
)

const removed = adaptertest.Removed
