# build, demo and test are all that most people need; `make help` lists the rest.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
AGENTS   = internal/agentbin/bin
FLAGS    = -trimpath -buildvcs=false
STRIP    = -s -w -buildid=
SHA256   = $(shell command -v sha256sum >/dev/null 2>&1 && echo sha256sum || echo shasum -a 256)

.PHONY: build agents
build: agents ## bin/nixproxy, with the agents for both architectures in it
	CGO_ENABLED=0 $(GO) build $(FLAGS) -ldflags '$(STRIP) -X main.version=$(VERSION)' -o bin/nixproxy ./cmd/nixproxy

# The same sources give the same bytes: the agent's hash is part of a container's name.
agents:
	@for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build $(FLAGS) -ldflags '$(STRIP)' \
			-o $(AGENTS)/nixproxy-agent-linux-$$arch ./cmd/nixproxy-agent || exit 1; \
	done
	@cd $(AGENTS) && $(SHA256) nixproxy-agent-linux-* > sha256sums
