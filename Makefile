# build, demo and test are all that most people need; `make help` lists the rest.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
AGENTS   = internal/agentbin/bin
FLAGS    = -buildvcs=false
STRIP    = -s -w -buildid=
HASTY    = -gcflags 'all=-N -l -dwarf=0' -ldflags '$(STRIP)'
SHA256   = $(shell command -v sha256sum >/dev/null 2>&1 && echo sha256sum || echo shasum -a 256)

STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI     = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACCEPTANCE   = -tags acceptance
OTHER        = $(if $(filter arm64,$(shell $(GO) env GOARCH)),amd64,arm64)
LONG_ENGINES = docker-28 docker-28-containerd podman-4 podman-5
UNITS        = ./cmd/... ./internal/... ./scripts/...
RACING       = ./internal/agent/... ./internal/session ./internal/agentapi ./internal/console ./internal/state ./internal/terminal

# The same for all that is compiled, so that it is compiled once.
export CGO_ENABLED ?= 0
export GOFLAGS     := $(filter-out -trimpath,$(GOFLAGS)) -trimpath

.PHONY: build agents
build: agents ## bin/nixproxy, with the agents for both architectures in it
	$(GO) build $(FLAGS) -ldflags '$(STRIP) -X main.version=$(VERSION)' -o bin/nixproxy ./cmd/nixproxy

# The same sources give the same bytes: the agent's hash is part of a container's name.
agents:
	@for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch $(GO) build $(FLAGS) -ldflags '$(STRIP)' \
			-o $(AGENTS)/nixproxy-agent-linux-$$arch ./cmd/nixproxy-agent || exit 1; \
	done
	@cd $(AGENTS) && $(SHA256) nixproxy-agent-linux-* > sha256sums

.PHONY: demo test test-long
demo: ## the main job, set-up and all
	scripts/demo

test: setup ## everything: lint, unit tests, behaviour on a real engine with real Nix
	$(MAKE) -j2 checked images
	$(MAKE) behaviour

# What costs processor time, while the images wait for the network.
.PHONY: checked
checked:
	$(MAKE) build
	$(MAKE) lint
	$(MAKE) unit

test-long: ## the same with more kills, more engines, and all unit tests with the race detector
	NIXPROXY_TEST_LONG=1 NIXPROXY_TEST_ENGINES="$(LONG_ENGINES)" $(MAKE) test TIMEOUT=120m RACING="$(UNITS)"

.PHONY: setup engine images
setup: ## what a bare Debian machine lacks for the tests
	scripts/setup test

engine: ## an engine that answers
	scripts/engine/engine ensure

images: ## stand-ins for nixos/nix, made once and cached
	$(GO) run ./scripts/nix-image bookworm trixie newest >/dev/null
	$(GO) run ./scripts/nix-image --arch $(OTHER) trixie >/dev/null

.PHONY: unit cover behaviour
unit: setup agents ## tests that need no engine, where much runs at once with the race detector
	CGO_ENABLED=1 $(GO) test -race $(RACING)
	@others=$$($(GO) list $(UNITS) | grep -vxF "$$($(GO) list $(RACING))"); \
	[ -z "$$others" ] || $(GO) test $$others
	$(if $(filter linux,$(shell $(GO) env GOOS)),$(GO) test $(ACCEPTANCE) ./test/harness/...)

cover: setup agents ## how much of each package the unit tests reach
	$(GO) test -cover $(UNITS)

# For what hangs: a very busy machine takes a third of it.
TIMEOUT ?= 60m
behaviour: setup build engine images ## the built binary on a real engine
	$(GO) test $(ACCEPTANCE) ./test -count=1 -timeout $(TIMEOUT)

.PHONY: lint format vet platforms golangci
lint: format vet platforms ## gofmt, vet and staticcheck, for Linux and macOS

format:
	@unformatted=$$($$($(GO) env GOROOT)/bin/gofmt -l cmd internal scripts test); \
	[ -z "$$unformatted" ] || { echo "gofmt: please format $$unformatted" >&2; exit 1; }

vet:
	$(GO) vet $(ACCEPTANCE) ./...
	$(GO) run $(STATICCHECK) $(ACCEPTANCE) ./...

# For the other platforms nothing is optimised, which takes half the time, and vet and
# build share what they compile; for Linux much is compiled for the agent already.
platforms: agents
	GOOS=linux GOARCH=$(OTHER) $(GO) vet $(ACCEPTANCE) -ldflags '$(STRIP)' ./...
	GOOS=linux GOARCH=$(OTHER) $(GO) build $(FLAGS) -ldflags '$(STRIP)' -o /dev/null ./cmd/nixproxy
	@for arch in arm64 amd64; do \
		set -x; \
		GOOS=darwin GOARCH=$$arch $(GO) vet $(HASTY) ./... || exit 1; \
		GOOS=darwin GOARCH=$$arch $(GO) build $(FLAGS) $(HASTY) -o /dev/null ./cmd/nixproxy || exit 1; \
	done

# Not part of make test: it takes minutes to compile, once.
golangci: ## the linters of .golangci.yml
	$(GO) run $(GOLANGCI) run

.PHONY: bench-warm bench-streams bench-sync settings-table clean help
bench-warm: build engine ## a warm run beside docker exec and docker run
	scripts/bench-warm

bench-streams: build engine ## stdout and stdin beside docker exec's
	scripts/bench-streams

bench-sync: build engine ## filling a volume, from images and from the host's store
	scripts/bench-sync

settings-table: ## write the README's table of settings anew
	$(GO) test ./internal/settings -run TestReadme -update

clean: ## remove what was built; `bin/nixproxy rm` removes what is on the engine
	rm -rf bin $(AGENTS)/nixproxy-agent-* $(AGENTS)/sha256sums

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
