# Everything that a developer or CI runs. "make" alone lists it.

export PATH := $(PATH):/usr/local/go/bin

VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
LDFLAGS   := -s -w -X main.version=$(VERSION)
FUZZTIME  ?= 20s
BENCH     ?= .
BENCHTIME ?= 200ms
DEVICES   ?= 1000000
RUNS      ?= 3
TOOL      := go tool -modfile=$(CURDIR)/tools/go.mod

# The modules beside ours, wherever they are. That of GENERATED imports a client that is generated from the document of a running
# server. Without it neither vet nor tidy knows what the module needs; so "make clients" does both, and here only the
# formatting is checked.
GENERATED := tools/clients/go
MODULES   := $(filter-out . $(GENERATED),$(patsubst %/,%,$(dir $(shell find . -name go.mod -not -path './bin/*' -printf '%P\n'))))

.PHONY: help build demo test check modules cross clients generate picture bench figures fuzz release deploy-check install-missing

help: ## list the targets
	@echo "make TARGET, with one of"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "Flags of the demo: make demo DEMO_FLAGS=--once (or --json)"

build: ## build bin/hush, static
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/hush ./cmd/hush

# On a terminal the demo gets a process group of its own (set -m): Ctrl-C then goes to it alone, and make ends with its exit
# status instead of an error of make's own.
demo: build ## see silent pushes reach phones in every state (DEMO_FLAGS=--once ends it)
	@if [ -t 0 ]; then set -m; fi; bin/hush demo $(DEMO_FLAGS)

test: install-missing ## check everything, then run all tests with the race detector
	@$(MAKE) --no-print-directory check cross
	@set -e; for module in $(MODULES); do \
		echo "== $$module"; (cd $$module && { [ -z "$$(go list ./...)" ] || go test -race -timeout 10m ./...; }); \
	done
	go test -race -timeout 20m ./...

check: ## formatting; of all modules vet, staticcheck and tidiness; generated files
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...
	go mod tidy -diff
	@set -e; for module in $(MODULES); do \
		echo "== $$module"; \
		(cd $$module && { [ -z "$$(go list ./...)" ] || { go vet ./... && $(TOOL) staticcheck ./...; }; } && go mod tidy -diff); \
	done
	go test -run '^(TestTheRulesPagesAreCurrent|TestTheTableOfSettingsIsCurrent)$$' ./cmd/hush ./internal/config

# For internal/modules_test.go.
modules:
	@echo $(MODULES) $(GENERATED)

cross: ## the SDK for Android without cgo, and the example app linked for it
	GOOS=android GOARCH=arm64 CGO_ENABLED=0 go build ./sdk/... ./examples/...
	GOOS=android GOARCH=amd64 CGO_ENABLED=0 go build ./sdk/...
	GOOS=android GOARCH=arm64 CGO_ENABLED=0 go build -o bin/notes-android-arm64 ./examples/notes/cmd/notes

clients: build ## lint the OpenAPI document, and generate, compile and run clients of Go and TypeScript
	@tools/install-missing clients
	@tools/clients/run

generate: build ## write docs/generated anew (the rules of simulators and phones), and the settings in docs/operations.md
	go run ./internal/config/page docs/operations.md
	bin/hush sim apns --rules --markdown > docs/generated/apns-rules.md
	bin/hush sim fcm --rules --markdown > docs/generated/fcm-rules.md
	bin/hush sim world --rules --markdown > docs/generated/phone-rules.md

picture: build ## draw docs/demo.svg anew from a run of the demo
	bin/hush demo --once --story --color always > bin/demo.txt
	cd tools && go run ./termsvg '$$ hush demo --once --story' < ../bin/demo.txt > ../docs/demo.svg

bench: ## run the benchmarks for BENCHTIME (200ms) each, with allocations (BENCH=pattern); cancel and kill a broadcast to DEVICES (a million)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -timeout 30m ./...
	HUSH_STORE_LARGE_APP=$(DEVICES) go test -run '^TestALargeBroadcast' -parallel 1 -timeout 120m -v ./internal/store

figures: build ## measure the table of docs/performance.md anew, RUNS (3) runs a row (POSTGRES=postgres://… for its rows)
	go run ./cmd/hush/internal/bench/figures -hush bin/hush -runs $(RUNS) docs/performance.md

fuzz: ## fuzz each parser of strangers' input for FUZZTIME (20s)
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

release: ## static binaries, checksums and SBOMs of this commit, in bin/release
	@tools/release/release '$(VERSION)' '$(LDFLAGS)'

deploy-check: build ## check deploy/hush.service with systemd's own tools
	@tools/deploy-check

install-missing:
	@tools/install-missing
