#!/usr/bin/env bash
# Runs cargo so that what it builds is static, also of the C library: `deploy/static-cargo.sh build --release`.
# The program lies below target/HOST, or below the `--target-dir` given.

set -euo pipefail

# Without this, the C compiler is given `-static`, and OpenSSL's `Configure` then leaves out threads: a program
# with more than one corrupts its memory.
export CRATE_CC_NO_DEFAULTS=1
export RUSTFLAGS="-C target-feature=+crt-static"

# Cargo builds procedural macros, which cannot be static, apart from the program only if the target is named.
host=$(rustc -vV | sed -n 's/^host: //p')
exec cargo "$@" --target "$host"
