# What people do with this repository, one target each. `make` alone lists them.
# Everything runs without questions; servers are installed by scripts/servers and started by the tests themselves.

.DEFAULT_GOAL := help
.PHONY: help demo test drill bench bench-long check

GO ?= go

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## a whole hub in a temporary folder, orders in and out, a summary; the first run compiles for 1.5-2 minutes
	$(GO) run ./cmd/hub demo

# One run of everything, with the race detector, in which a skipped test is a failed run (scripts/testrun).
# Drills (TestDrill...) run here with small counts, and the hubs that they kill are processes without the race detector.
# SQLite itself, which is C translated to Go and keeps its memory where the detector does not look, is the one module that is
# not watched: it takes two thirds of the time of every test on it. `make check` vets, so the tests need not do it again.
WATCHED = -race -gcflags='modernc.org/...=-race=false' -vet=off

# The two packages that take longest begin first, so that no core waits for them in the end.
PACKAGES = ./internal/hubtest ./internal/store ./...

test: ## every test with the race detector against real servers; nothing may be skipped
	./scripts/servers
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(GO) test -c -vet=off -o "$$folder/hub" ./internal/hubtest && \
	GOGC=400 GOMEMLIMIT=2GiB HUB_TEST_PROGRAM="$$folder/hub" HUB_TEST_REQUIRE=1 $(GO) run ./scripts/testrun $(WATCHED) -timeout 14m $(PACKAGES)

drill: ## the same drills with full counts: kills, power cuts, seeded histories (takes long)
	./scripts/servers
	HUB_TEST_REQUIRE=1 HUB_DRILL=1 $(GO) test -count=1 -timeout 120m -v -run '^TestDrill' ./...

bench: ## the ratios of docs/performance.md, measured here in one run
	./scripts/servers
	HUB_TEST_REQUIRE=1 $(GO) test -run '^$$' -bench '^BenchmarkRatios$$' -benchtime 1x -timeout 60m ./internal/bench

bench-long: ## the drain on shards that hold a million orders already; some 12 GB of disk, takes long
	./scripts/servers
	HUB_TEST_REQUIRE=1 BENCH_LONG=1000000 $(GO) test -run '^$$' -bench '^BenchmarkLong$$' -benchtime 1x -timeout 180m ./internal/bench

# Generated files and pinned versions are compared by tests, so `make test` holds them.
check: ## format, vet, staticcheck, modules
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "gofmt -w these:" $$unformatted; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) mod verify
	$(GO) mod tidy -diff
