package archtest

import "strings"

// module is the path of the module, which is also that of its root package.
const module = "hub"

// row says what the packages of one pattern may import of this module, in code that is not a test.
type row struct {
	pattern string   // path from the root; "/..." at its end takes what is below
	may     []string // paths from the root, "." is the root; "*" is everything but test packages; "**" is everything
}

// table is the design's table of packages. The first row that fits counts. Packages that are planned are in it, so that
// their first line of code is held already.
func table() []row {
	useCases := []string{
		"internal/intake", "internal/orders", "internal/payments", "internal/catalog", "internal/flows", "internal/erp",
		"internal/connect", "internal/reconcile", "internal/jobs", "internal/tenancy", "internal/fetch",
	}
	with := func(may []string, more ...string) []string { return append(append([]string{}, may...), more...) }
	var rows []row
	add := func(pattern string, may ...string) { rows = append(rows, row{pattern, may}) }

	add(".") // the vocabulary
	add("adapters/driver", ".")
	add("adapters/driver/strictjson", ".") // beyond the design: the reading of foreign JSON that all drivers share
	add("adapters", ".", "adapters/driver")
	for _, platform := range []string{
		"shopify", "shopee", "mercadolibre", "stripe", "mercadopago", "paypal", "adyen", "airwallex",
	} {
		add("adapters/"+platform, ".", "adapters/driver", "adapters/driver/strictjson")
	}
	add("adapters/adaptertest", ".", "adapters/driver", "adapters")
	add("adapters/sandbox/...", ".", "adapters/sandbox/stage")
	add("saga", ".")
	add("sharding", ".")
	add("gdpr", ".")
	add("gdpr/forget", ".", "gdpr") // beyond the design: what ends keys is apart from what uses them
	add("internal/wal")
	add("internal/audit", ".", "internal/wal")
	// Beyond the design: the drainer speaks in the driver's deliveries and hands what it read to orders.
	add("internal/intake", ".", "adapters", "gdpr", "internal/wal", "adapters/driver", "internal/orders")
	add("internal/connect", ".", "adapters", "adapters/driver", "gdpr") // beyond the design: a driver says what to call
	for _, useCase := range []string{
		"tenancy", "orders", "payments", "catalog", "flows", "erp", "jobs",
	} {
		add("internal/"+useCase, ".", "saga", "adapters", "gdpr")
	}
	add("internal/fetch", ".", "adapters/driver")     // beyond the design: asking platforms is apart from proving completeness
	add("internal/reconcile", ".", "adapters/driver") // beyond the design: it asks a driver for its list
	add("internal/relay", ".")                        // beyond the design: the relay knows neither SQL nor JetStream
	add("internal/store", with(useCases, ".", "sharding", "saga", "gdpr", "gdpr/forget", "internal/audit", "internal/relay")...)
	add("internal/bus", ".", "internal/relay")
	add("internal/cache", ".")
	add("internal/httpapi", with(useCases, ".", "gdpr", "gdpr/forget")...)
	add("internal/console", with(useCases, ".")...)
	add("internal/config", ".")
	add("internal/obs", ".")
	add("internal/app", "*")
	add("internal/demo", "**")
	add("internal/bench/baseline") // what the product is compared with knows nothing of the product
	add("internal/bench", "**")
	add("cmd/hub", ".", "internal/config", "internal/app", "internal/demo", "internal/obs", "adapters/sandbox/shopify", "adapters/sandbox/shopee", "adapters/sandbox/mercadolibre")
	add("scripts/testrun")
	return rows
}

// door says which packages may import a library, by the prefix of its path, in code that is not a test.
type door struct {
	library string
	open    []string // paths from the root; "*" is everything but the root
}

// doors is the rule of one door. A library that is missing here may be imported by tests only.
func doors() []door {
	store, adapters, api := []string{"internal/store"}, []string{"adapters"}, []string{"internal/httpapi", "internal/console"}
	cache, obs, signIn := []string{"internal/cache"}, []string{"internal/obs"}, []string{"internal/connect", "internal/console"}
	return []door{
		{"github.com/jmoiron/sqlx", store},
		{"github.com/go-sql-driver/mysql", store},
		{"modernc.org/sqlite", store},
		{"github.com/pressly/goose/v3", store},
		{"github.com/go-chi/chi/v5", api},
		{"github.com/danielgtaylor/huma/v2", api},
		{"github.com/knadh/koanf", []string{"internal/config"}},
		{"github.com/alecthomas/kong", []string{"cmd/hub"}},
		{"github.com/google/uuid", []string{"internal/app"}},
		{"github.com/sony/gobreaker/v2", adapters},
		{"github.com/cenkalti/backoff/v5", adapters},
		{"golang.org/x/time", adapters},
		{"golang.org/x/sync", []string{"*"}},
		{"golang.org/x/mod", []string{"internal/audit"}},
		{"golang.org/x/oauth2", signIn},
		{"github.com/coreos/go-oidc/v3", signIn},
		{"github.com/cockroachdb/apd/v3", []string{"internal/payments"}},
		{"github.com/nats-io", []string{"internal/bus"}},
		{"github.com/synadia-io/orbit.go", []string{"internal/bus"}},
		{"github.com/redis/go-redis", cache},
		{"github.com/go-redis/redis_rate", cache},
		{"github.com/maypok86/otter/v2", cache},
		{"github.com/bits-and-blooms/bloom/v3", cache},
		{"go.opentelemetry.io", obs},
		{"github.com/go-logr/logr", obs}, // OpenTelemetry's own log, to silence it
		{"github.com/prometheus/client_golang", obs},
	}
}

// free are the packages that may import any library: what is measured against the product has to speak to the same
// databases without it.
func free(pkgPath string) bool {
	return isTestPath(pkgPath) || fits("internal/bench/...", pkgPath)
}

// fits matches a path with a pattern of the table.
func fits(pattern, pkgPath string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkgPath == base || strings.HasPrefix(pkgPath, base+"/")
	}
	return pattern == pkgPath
}

// under says whether the import belongs to the library.
func under(library, imported string) bool {
	return imported == library || strings.HasPrefix(imported, library+"/")
}
