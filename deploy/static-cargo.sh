#!/usr/bin/env bash
# Runs cargo for a static program, including the C library: `deploy/static-cargo.sh build --release`. The program is
# below target/HOST, or below the given `--target-dir`.

set -euo pipefail

# Otherwise the C compiler gets `-static`, and OpenSSL's `Configure` builds without threads: a program with several
# threads would corrupt its memory.
export CRATE_CC_NO_DEFAULTS=1
export RUSTFLAGS="-C target-feature=+crt-static"

# Cargo builds procedural macros, which cannot be static, separately from the program only if a target is given.
host=$(rustc -vV | sed -n 's/^host: //p')
exec cargo "$@" --target "$host"
