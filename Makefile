# What one does with this repository. `make` alone lists it.

TOOLS := target/test-tools

.DEFAULT_GOAL := help
.PHONY: help build static install-program unit test fuzz generate truth damage install lint fmt doc demo bench audit clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

build: ## Build the exporter as it is shipped
	cargo build --release --bin barman-cloud-exporter

# For packages: DESTDIR=directory is put in front of every path.
PREFIX ?= /usr/local
install-program: build ## Install the exporter, its manual pages and completions; PREFIX=, DESTDIR=
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin target/release/barman-cloud-exporter
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 deploy/man/*.1
	install -D -m 0644 deploy/completions/barman-cloud-exporter.bash \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/barman-cloud-exporter
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d \
	  deploy/completions/barman-cloud-exporter.fish
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	  deploy/completions/_barman-cloud-exporter
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/barman-cloud-exporter \
	  config/barman-cloud-exporter.yaml docs/schemas/*.json

# Unoptimized: the tests want to see that it runs, and how it is linked.
static: ## Build the exporter as static as in the image, for the tests
	deploy/static-cargo.sh build --locked --bin barman-cloud-exporter --target-dir target/static

# More threads than processors, because many tests wait for scans and time limits.
unit: ## Test what needs no root and no other programs
	cargo test --workspace --lib --test program --test over_http -- --test-threads=16

test: install lint static ## Check everything, as CI does; installs what is missing
	cargo test --workspace

# Needs cargo-fuzz and a nightly toolchain: see fuzz/README.md.
FUZZED = $(or $(TARGET),$(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))
fuzz: ## Feed the parsers input from a fuzzer; TARGET=name, SECONDS=n for each
	cp Cargo.lock fuzz/Cargo.lock
	for target in $(FUZZED); do \
	  mkdir -p fuzz/found/$$target && \
	  cargo +nightly fuzz run $$target fuzz/found/$$target fuzz/corpus/$$target -- \
	    -max_total_time=$(or $(SECONDS),600) -timeout=10 -rss_limit_mb=512 -malloc_limit_mb=256 || exit 1; \
	done

generate: export UPDATE_ALERTS := 1
generate: export UPDATE_CLI_DOCS := 1
generate: export UPDATE_DASHBOARDS := 1
generate: export UPDATE_DOCS := 1
generate: export UPDATE_SCHEMAS := 1
generate: ## Write the files that tests compare with the code: rules, tables, schemas, manual pages
	cargo test --workspace --lib --test program -- command_line documents schemas shipped

# ROUNDS=n lives with fresh seeds, or SEED=s for one of them; KEEP=1 keeps the cases below target/truth,
# and AGAIN=1 judges the kept ones again.
truth: export RUST_BACKTRACE := 0
truth: install ## Compare verdicts with real restores in random lives; ROUNDS=n, SEED=s
	ROUNDS=$(or $(ROUNDS),10) SEED=$(SEED) KEEP=$(KEEP) AGAIN=$(AGAIN) \
	  cargo test --test barman -- --nocapture random_lives

# ROUNDS=n archives with fresh seeds, or SEED=s for one of them; DAMAGES=n for each of them.
damage: export RUST_BACKTRACE := 0
damage: install ## Compare what verify reports on damage with real restores; ROUNDS=n, SEED=s, DAMAGES=n
	ROUNDS=$(or $(ROUNDS),10) SEED=$(SEED) DAMAGES=$(DAMAGES) \
	  cargo test --test barman -- --nocapture damaged_archives

install: ## Install what the tests need and is missing
	tests/install.sh

lint: install ## Check form, lints, documentation, dependencies, shell, YAML, Dockerfile
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items
	$(TOOLS)/bin/cargo-deny --log-level error check bans licenses sources
	git ls-files .ci '*.sh' | xargs $(TOOLS)/venv/bin/shellcheck
	$(TOOLS)/venv/bin/hadolint deploy/Dockerfile
	git ls-files '*.yaml' '*.yml' | xargs $(TOOLS)/venv/bin/yamllint --strict

fmt: ## Format the code
	cargo fmt --all

doc: ## Build the documentation of the code, private items included
	cargo doc --workspace --no-deps --document-private-items

demo: ## Show the exporter at work on an archive in memory
	cargo build --bin barman-cloud-exporter --example demo
	target/debug/examples/demo

bench: ## Measure speed, memory and requests; writes benches/RESULTS.md
	cargo bench --profile release --bench decoding --bench contents
	cargo bench --bench judging --bench listing

audit: install ## Check dependencies for known vulnerabilities too; needs GitHub
	$(TOOLS)/bin/cargo-deny check

clean: ## Remove everything that was built or installed for the tests
	cargo clean
