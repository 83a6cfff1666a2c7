# People and CI use the same targets. `make up` shows a system, `make test` proves the code.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

timed := .ci/timed
agent := target/agent/$(shell uname -m)/distctl-agent
distctl := target/release/distctl
# Wherever target/release/distctl is built: without it, it would be built without the agent inside.
with_agent := env DISTCTL_AGENT=$(CURDIR)/$(agent)
mongod := artifacts/mongod

# The lab that `make up` uses; tests have labs of their own.
export LAB_NAME ?= distctl
in_lab := eval "$$(lab/lab env)" &&

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# --- preparing -------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install what building and the lab need, and look for Rust
	@$(timed) "install Debian packages" lab/install
	@command -v cargo >/dev/null || { echo "cargo isn't there: install Rust 1.89 or later (https://rustup.rs), then open a new shell" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "cc isn't there: apt-get install gcc libc6-dev" >&2; exit 1; }

.PHONY: agent
agent: setup ## Build the agent, for guests older than this host
	@$(timed) "build the agent" agent/build $(agent)

.PHONY: build
build: agent ## Build distctl with the agent inside: target/release/distctl
	@$(timed) "build distctl" $(with_agent) cargo build --release --locked --package distctl

.PHONY: apps
apps: setup ## Build the product platform's services, for guests older than this host
	@$(timed) "build the services" agent/build --apps artifacts

.PHONY: mongod
mongod: setup ## Fetch the mongod that topology.yaml deploys
	@$(timed) "fetch mongod" lab/mongod $(mongod)

.PHONY: lab
lab: setup ## Start a private Incus that touches nothing on this host
	@$(timed) "start the lab" lab/lab start

.PHONY: image
image: lab ## Make the image of the containers, once
	@$(timed) "make the image" lab/lab image

# --- looking ---------------------------------------------------------------------------------

.PHONY: up
up: build apps mongod image ## Build the system of topology.yaml and show it
	@$(in_lab) $(timed) "distctl up" bash -c '$(distctl) up --yes >/dev/null'
	@lab/lab forward 3000
	@echo
	@$(in_lab) $(distctl) status
	@printf '%s\n' '' 'The page, for a browser on this host: http://127.0.0.1:3000' \
	  'Log in as admin; the password is what this prints:' \
	  '  eval "$$(lab/lab env)" && $(distctl) secret show admin' \
	  '' 'To look around:' '  eval "$$(lab/lab env)"' '  $(distctl) plan' '  $(distctl) logs db1' \
	  '  lab/lab exec incus list' 'Break something by hand, then run `make up` again. `make down` stops it, `make destroy` deletes it.'

.PHONY: down
down: ## Stop the system and the lab; data stays
	@$(in_lab) $(timed) "distctl down" $(distctl) down --yes
	@$(timed) "stop the lab" lab/lab stop

.PHONY: destroy
destroy: ## Delete the lab with all that is in it
	@$(timed) "delete the lab" lab/lab destroy

# --- proving ---------------------------------------------------------------------------------

.PHONY: test
test: check unit e2e ## Everything that CI runs

.PHONY: check
check: setup ## Formatting, lints, licences
	@$(timed) "formatting" cargo fmt --all --check
	@$(timed) "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
	@$(timed) "licences and sources" bash -c 'PATH=$$PATH:$$(.ci/tools deny) cargo deny --log-level error check bans licenses sources'

# These and .ci/e2e choose the same packages, the whole workspace: another choice has other features, and builds what it
# depends on anew.
.PHONY: unit
unit: setup ## Unit and integration tests, and the examples of the docs
	@$(timed) "unit and integration tests" cargo test --workspace --locked --lib --bins --test it \
	  --test properties --test corpus --test damage --test lies --test memory --test parallel --test resume \
	  --test round_trip --test sealed
	@$(timed) "examples in the documentation" cargo test --workspace --locked --doc

.PHONY: e2e
e2e: agent apps mongod ## Tests with real mongods and on a real Incus, in a lab of their own
	@$(timed) "the agent and the services with real mongods" .ci/beside \
	  agent "cargo test --workspace --locked --test agent" \
	  services "cargo test --workspace --locked --test auth --test serving --test web"
	@LAB_NAME=e2e $(timed) "end-to-end tests" .ci/e2e

.PHONY: bench
bench: build apps mongod ## Measure, and write bench/RESULTS.md
	@$(timed) "pure stages" $(with_agent) cargo bench --locked --package distctl
	@$(timed) "whole runs" bench/run

.PHONY: bench-proof
bench-proof: build apps mongod ## Measure failover tests, and write it into bench/RESULTS.md
	@$(timed) "failover tests" bench/proof

.PHONY: bench-bundles
bench-bundles: build apps mongod ## Measure bundles, and write it into bench/RESULTS.md
	@$(timed) "bundles" bench/bundles

.PHONY: coverage
coverage: setup ## Measure how much of the code the tests run
	@$(timed) "coverage" .ci/coverage

.PHONY: fmt
fmt: ## Format the code
	@cargo fmt --all

.PHONY: clean
clean: ## Remove what was built; the lab and its data stay
	@cargo clean
	@rm -rf artifacts rendered
