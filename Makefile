# Ironbridge: `make demo` to see it, `make test` to prove it. Both install or name what is missing.
SHELL := /bin/bash
# One target folder outside the checkout serves demo, tests and end-to-end tests; override it as you like.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ironbridge/target
export IRONBRIDGE_PEERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ironbridge/peers
export CARGO_TERM_COLOR ?= auto
BIN := $(CARGO_TARGET_DIR)/debug/ironbridge

.PHONY: help demo test build ui lint dist bench clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo    start the demonstration plant and Ironbridge on it; prints one address and one sign-in link
demo:
	@scripts/need.sh demo
	@$(MAKE) --no-print-directory build
	@exec $(BIN) demo

## make build   the web interface and the program; ./ironbridge leads to it
build: ui
	cargo build --locked --workspace --bin ironbridge
	@ln -sfn "$(BIN)" ironbridge

## make ui      the web interface alone
ui: ui/dist/index.html
ui/dist/index.html: ui/package-lock.json $(shell find ui/src ui/public ui/index.html ui/vite.config.* -type f 2>/dev/null)
	cd ui && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent

## make test    every test: unit, property, laws, end to end against real peers, browser
test:
	@scripts/need.sh test
	@$(MAKE) --no-print-directory ui
	@scripts/test.sh

## make lint    format, clippy, types of the web interface
lint: ui
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cd ui && npm run check --silent

## make dist    stripped release: tarball, Debian package, SBOM, in dist/
dist:
	@scripts/need.sh demo
	cargo run --locked -p xtask -- dist

## make bench   the benchmarks of bench/README.md
bench:
	@scripts/need.sh test
	bench/run.sh

clean:
	rm -rf "$(CARGO_TARGET_DIR)" ui/dist ui/node_modules dist ironbridge
