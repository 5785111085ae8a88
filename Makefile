# Each target installs or builds what it needs.

GO            ?= go
VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOLANGCI_LINT := .tools/bin/golangci-lint-v2.15.0
FUZZTIME      ?= 30s
VERSITYGW     := .tools/bin/versitygw-v1.8.0
NEWEST_GH     := .tools/bin/gh-v2.100.0
TOFU          := .tools/bin/tofu-v1.12.6
TOFU_PROVIDER := .tools/terraform-provider-github-v6.13.0/terraform-provider-github
# The race detector, but for packages that share nothing which can be written, and that
# cost most to watch. One is SQLite: C translated to Go, whose memory Go never sees.
UNWATCHED     := modernc.org/... regexp/... compress/... go/...
# Vet is among the linters.
RACE          := -race $(UNWATCHED:%='-gcflags=%=-race=false') -vet=off
export GORACE := atexit_sleep_ms=0

.PHONY: build demo test test-all bench corpus lint fmt kept clean

build: # bin/understudy
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/understudy ./cmd/understudy

demo: build # a server, a push and its run, live in this terminal
	bin/understudy demo

test: node_modules/.package-lock.json $(VERSITYGW) # every test, on SQLite and PostgreSQL, with files and S3
	scripts/need gcc=gcc libc6-dev=/usr/include/stdio.h postgresql='/usr/lib/postgresql/*/bin/initdb' \
		gh=gh nodejs=node unzip=unzip zstd=zstd e2fsprogs=mkfs.ext4 xfsprogs=xfs_io \
		docker.io=dockerd busybox-static=/bin/busybox \
		podman=podman runc=runc netavark=/usr/lib/podman/netavark aardvark-dns=/usr/lib/podman/aardvark-dns iptables=iptables iproute2=ip
	UNDERSTUDY_TEST_REQUIRE_POSTGRES=1 UNDERSTUDY_TEST_REQUIRE_OPENAPI=1 UNDERSTUDY_TEST_REQUIRE_GH=1 UNDERSTUDY_TEST_REQUIRE_TOOLKIT=1 \
		UNDERSTUDY_TEST_REQUIRE_NODE=1 UNDERSTUDY_TEST_REQUIRE_S3=1 UNDERSTUDY_TEST_REQUIRE_DOCKER=1 UNDERSTUDY_TEST_S3_SERVER=$(CURDIR)/$(VERSITYGW) \
		scripts/with-docker scripts/with-postgres $(GO) test $(RACE) -p 4 -timeout 30m ./...
	UNDERSTUDY_TEST_REQUIRE_DOCKER=1 scripts/with-podman $(GO) test $(RACE) -count=1 -run '^TestJobsHaveContainersInEachIsolation$$' ./e2e
	$(GO) test -run BoundedMemory ./internal/markdown # what the race detector hides

test-all: test build $(NEWEST_GH) $(TOFU) $(TOFU_PROVIDER) # and what takes longer: e2e on a program with the race detector, each fuzz test for FUZZTIME, each benchmark once, a short round of make bench, 300 kills, jobs that wait for time limits, servers that are away for 45 seconds, the newest gh, OpenTofu, a browser
	UNDERSTUDY_TEST_RACE=1 scripts/with-postgres $(GO) test $(RACE) -timeout 60m ./e2e
	scripts/fuzz $(FUZZTIME)
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...
	scripts/need wrk=wrk
	scripts/with-postgres $(GO) run ./cmd/bench --against bin/understudy --rounds 1
	UNDERSTUDY_TEST_CAMPAIGN=full UNDERSTUDY_TEST_REQUIRE_POSTGRES=1 UNDERSTUDY_TEST_REQUIRE_NODE=1 \
		$(GO) test -v -count=1 -timeout 20m -run '^TestFaultsCostNothingThatWasAnswered$$' ./e2e
	UNDERSTUDY_TEST_CASES=all UNDERSTUDY_TEST_REQUIRE_NODE=1 $(GO) test -count=1 -run '^TestJobsAreAsWithGitHubsRunner$$' ./e2e
	UNDERSTUDY_TEST_AWAY=full $(GO) test -count=1 -run 'Away|Outlives' ./e2e
	UNDERSTUDY_TEST_GH=$(CURDIR)/$(NEWEST_GH) $(GO) test -v -count=1 -run '^TestNewestGh' ./e2e
	UNDERSTUDY_TEST_TOFU=$(CURDIR)/$(TOFU) UNDERSTUDY_TEST_TOFU_PROVIDER=$(CURDIR)/$(TOFU_PROVIDER) \
		$(GO) test -v -count=1 -run '^TestOpenTofuManagesActions$$' ./e2e
	scripts/need chromium=chromium nodejs=node
	UNDERSTUDY_TEST_BROWSER=chromium UNDERSTUDY_TEST_REQUIRE_TOOLKIT=1 \
		$(GO) test -v -count=1 -run '^TestAPageOfAnotherSiteUsesTheAPIByOctokit$$' ./e2e

bench: build # the figures of docs/performance.md
	scripts/need wrk=wrk postgresql='/usr/lib/postgresql/*/bin/initdb'
	scripts/with-postgres $(GO) run ./cmd/bench --write docs/performance.md

corpus: # what comes of real workflow files: UNDERSTUDY_CORPUS is a directory with workflows/REPOSITORY/FILE
	$(GO) test -v -count=1 -run '^TestRealFiles' ./internal/plan

lint: $(GOLANGCI_LINT)
	scripts/need shellcheck=shellcheck
	$(GOLANGCI_LINT) run ./...
	shellcheck .ci/run scripts/*

kept: build node_modules/.package-lock.json # keeps what this version writes, for the test that later ones still read it
	scripts/need postgresql='/usr/lib/postgresql/*/bin/initdb' sqlite3=sqlite3 curl=curl jq=jq nodejs=node
	scripts/with-postgres scripts/keep-schema internal/server/testdata/kept/$$(ls internal/store/migrations | tail -n 1 | cut -d_ -f1)

fmt: $(GOLANGCI_LINT)
	$(GOLANGCI_LINT) fmt ./...

clean:
	rm -rf bin .tools node_modules

node_modules/.package-lock.json: package.json package-lock.json
	scripts/need nodejs=node npm=npm
	npm ci --no-audit --no-fund
	touch $@

$(GOLANGCI_LINT):
	rm -rf .tools/new
	GOBIN=$(CURDIR)/.tools/new $(GO) install \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(@:.tools/bin/golangci-lint-%=%)
	mkdir -p $(@D)
	mv .tools/new/golangci-lint $@

$(NEWEST_GH):
	GO=$(GO) scripts/build-module github.com/cli/cli/v2@$(@:.tools/bin/gh-%=%) ./cmd/gh $@

$(VERSITYGW): # an S3 server, for tests
	rm -rf .tools/new-s3
	GOBIN=$(CURDIR)/.tools/new-s3 $(GO) install \
		github.com/versity/versitygw/cmd/versitygw@$(@:.tools/bin/versitygw-%=%)
	mkdir -p $(@D)
	mv .tools/new-s3/versitygw $@

$(TOFU): # OpenTofu and its provider for GitHub, for tests
	GO=$(GO) scripts/build-module github.com/opentofu/opentofu@$(@:.tools/bin/tofu-%=%) ./cmd/tofu $@

$(TOFU_PROVIDER):
	GO=$(GO) scripts/build-module \
		github.com/integrations/terraform-provider-github/v6@$(patsubst terraform-provider-github-%,%,$(notdir $(@D))) . $@
