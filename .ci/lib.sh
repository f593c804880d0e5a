# The steps that `.ci/run` and `.ci/long` share. Source it from the root of the repository with
# `set -euo pipefail` in force.

# What README tells a newcomer to type: README must hold both, the first on a line of its own.
readonly TEST_COMMAND='cargo test'
readonly RUN_COMMAND='cargo run --release --example buyback -- examples/data/cards.csv --issuer-cards examples/data/issuer-cards.csv'

# Debian's build of the minimum Rust. Its security archive holds a newer one, so each of the
# packages that depend on each other is named with the version.
readonly MINIMUM_RUST='1.85.0'
readonly MINIMUM_RUST_DEBIAN='1.85.0+dfsg3-1~deb12u3'
readonly MINIMUM_RUST_PACKAGES=(rustc-web cargo-web libstd-rust-web-dev)

readonly DENY_VERSION='0.20.2'
readonly PYISO8583_VERSION='4.0.1'
readonly TOOLS="$PWD/target/ci-tools"

readonly PEER_VERSION='4.11.4'
readonly PEER="$PWD/target/gs1-peer"

# The packages put a second `cargo` into /usr/bin; the one of rustup stays the first.
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
export CARGO_TERM_COLOR=never
# Everything here is built once: nothing is kept for the next build, or for a debugger.
export CARGO_INCREMENTAL=0
export CARGO_PROFILE_DEV_DEBUG=0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skipped=()

# step NAME COMMAND...: runs the command between two lines that tell the time.
step() {
  local name=$1
  shift
  printf '\n=== [%4d s] %s\n' "$SECONDS" "$name"
  "$@"
}

# skip NAME WHY: says that a step was left out, now and at the end.
skip() {
  skipped+=("$1: $2")
  printf 'SKIPPED %s: %s\n' "$1" "$2"
}

finish() {
  printf '\n=== [%4d s] done' "$SECONDS"
  if [ "${#skipped[@]}" -gt 0 ]; then
    printf ', but for %d skipped:\n' "${#skipped[@]}"
    printf '  %s\n' "${skipped[@]}"
  else
    printf ', nothing skipped\n'
  fi
}

installed_version() {
  dpkg-query --show --showformat='${db:Status-Abbrev}${Version}' "$1" 2>/dev/null | sed -n 's/^ii *//p'
}

install_packages() {
  local missing=() package
  for package in valgrind sqlite3 gcc g++ make libc6-dev tesseract-ocr zint fonts-dejavu-core python3-venv \
    postgresql postgresql-client openssl nginx-light tinyproxy-bin python3; do
    if [ -z "$(installed_version "$package")" ]; then missing+=("$package"); fi
  done
  for package in "${MINIMUM_RUST_PACKAGES[@]}"; do
    if [ "$(installed_version "$package")" != "$MINIMUM_RUST_DEBIAN" ]; then
      missing+=("$package=$MINIMUM_RUST_DEBIAN")
    fi
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    echo 'all there'
    return
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends --allow-downgrades "${missing[@]}" </dev/null
}

formatted() { cargo fmt --check; }

# Also that the fuzz targets' own lock file holds what the library needs by now.
linted() {
  cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
  cargo clippy --locked --all-targets --all-features -- -D warnings
}

# README says what the steps below run.
readme_commands() {
  local line
  if ! grep -qxF -- "$TEST_COMMAND" README.md; then
    line="$TEST_COMMAND"
  elif ! grep -qF -- "$RUN_COMMAND" README.md; then
    line="$RUN_COMMAND"
  else
    return 0
  fi
  printf 'README.md does not hold the command: %s\n' "$line" >&2
  return 1
}

tested() {
  # Split into words on purpose: it is the command as README shows it.
  # shellcheck disable=SC2086
  $TEST_COMMAND
}

# Pictures have many pixels: the library is too slow for whole ones without optimisation.
pictures_read() {
  cargo test --locked --features image --lib picture
  local optimised='profile.dev.package.scrip.opt-level=2'
  cargo test --locked --features image --config "$optimised" --test picture --example scan
}

# The PostgreSQL store on private servers, which the tests start and stop; the main job killed over one.
on_postgresql() {
  cargo test --locked --features postgres --test postgres_store
  cargo test --locked --features postgres --test buyback_kill -- over_postgresql
}

# Each fault planted on purpose is found by the simulator; optimised, for that is many lives.
planted() {
  local optimised='profile.dev.package.scrip.opt-level=1'
  cargo test --locked --features planted-bugs --config "$optimised" --test planted
}

documented() { RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --all-features; }

# The core without std, alone and behind the C interface; then each feature without the others.
features_apart() {
  cargo check --locked --lib --no-default-features
  local feature
  for feature in capi std sim image service wire bank-des rsa sm sm2 gb18030 postgres; do
    cargo check --locked --lib --no-default-features --features "$feature"
  done
}

# The guide for authors of adapters keeps the contract and redeems a card.
new_issuer() { cargo run --locked --example my_issuer; }

# Another implementation, of another language, agrees on 1,000 random messages of each encoding.
iso8583_crossed() {
  local venv="$TOOLS/pyiso8583-$PYISO8583_VERSION"
  if ! "$venv/bin/python" -c 'import iso8583' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "pyiso8583==$PYISO8583_VERSION"
  fi
  cargo build --locked --example iso8583
  "$venv/bin/python" tests/cross/pyiso8583.py target/debug/examples/iso8583 1000
}

# Peers that share nothing with the library: nginx in every role, tinyproxy, an issuer in Python. A debit that is
# lost or doubled fails.
foreign_http() { SCRIP_FOREIGN=1 cargo test --locked --test foreign -- --nocapture; }

c_example() {
  make -C examples/c check VALGRIND=1
  make -C examples/c check SANITIZE=1
}

# gs1_peer STRINGS: so many random element strings, judged by another implementation too.
gs1_peer() {
  if ! command -v node npm >/dev/null; then
    skip 'GS1 peer' 'there is no Node.js with npm'
    return
  fi
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$PEER" "bwip-js@$PEER_VERSION"
  SCRIP_GS1_PEER="$PEER" SCRIP_GS1_STRINGS="$1" cargo test --locked --test gs1_peer -- --nocapture
}

# fuzzed SECONDS: each target of fuzz/ for so long, guided by what its inputs reach. Stable Rust
# instruments as cargo-fuzz does; with a target named, build scripts and macros are left out of it.
# The tree stays clean: inputs are gathered in a copy of the seeds. What is found is kept and shown.
fuzzed() {
  local seconds=$1 host path target failed=0 found="$PWD/target/fuzz-found"
  local flags='--cfg fuzzing -Cpasses=sancov-module'
  local option
  for option in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$option"
  done
  host=$(rustc -vV | sed -n 's/^host: //p')
  RUSTFLAGS="$flags" CARGO_TARGET_DIR=target/fuzz \
    cargo build --manifest-path fuzz/Cargo.toml --locked --release --target "$host" --bins
  for path in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$path" .rs)
    mkdir -p "$found/$target" "$scratch/corpus"
    cp -R "fuzz/corpus/$target" "$scratch/corpus/"
    if "target/fuzz/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
      -max_len=9000 -artifact_prefix="$found/$target/" "$scratch/corpus/$target" >"$scratch/$target.log" 2>&1; then
      printf '%-14s %s\n' "$target" "$(grep -E 'DONE|Done' "$scratch/$target.log" | tr '\n' ' ')"
    else
      failed=1
      tail -n 40 "$scratch/$target.log"
      printf 'FOUND by %s, kept in %s; once mended, it belongs into fuzz/corpus/%s\n' \
        "$target" "$found/$target" "$target"
    fi
  done
  return "$failed"
}

minimum_rust() {
  local version
  version=$(/usr/bin/rustc --version)
  case "$version" in
    "rustc $MINIMUM_RUST "*) ;;
    *)
      printf '/usr/bin/rustc is not %s: %s\n' "$MINIMUM_RUST" "$version" >&2
      return 1
      ;;
  esac
  # As a dependency: the lock file here also holds what feature `sm2` needs, which takes a newer one.
  local user=target/msrv-user more
  mkdir -p "$user/src"
  : >"$user/src/lib.rs"
  for more in '' ', default-features = false'; do
    printf '%s\n' '[package]' 'name = "user"' 'version = "0.0.0"' 'edition = "2021"' \
      "rust-version = \"${MINIMUM_RUST%.*}\"" '[workspace]' '[dependencies]' \
      "scrip = { path = \"../..\"$more }" >"$user/Cargo.toml"
    CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback RUSTC=/usr/bin/rustc CARGO_TARGET_DIR=target/msrv \
      /usr/bin/cargo check --manifest-path "$user/Cargo.toml"
  done
}

dependencies_allowed() {
  if [ "$("$TOOLS/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $DENY_VERSION" ]; then
    # Without optimisation: it is built once and runs for a second.
    CARGO_TARGET_DIR="$TOOLS/target" cargo install --quiet --locked --debug --force --root "$TOOLS" \
      --version "=$DENY_VERSION" cargo-deny
    rm -rf "$TOOLS/target"
  fi
  "$TOOLS/bin/cargo-deny" check bans licenses sources
}

# The shipped file, then again on the same database, then on a fresh one: the same outcomes.
main_job() {
  local run db dir="$scratch"
  for run in first again fresh; do
    db="$dir/first.db"
    if [ "$run" = fresh ]; then db="$dir/fresh.db"; fi
    # shellcheck disable=SC2086
    $RUN_COMMAND --db "$db" --out "$dir/$run"
    test -s "$dir/$run/outcomes.jsonl"
    cmp "$dir/first/outcomes.jsonl" "$dir/$run/outcomes.jsonl"
  done
  # A folder: the journal, and the tables behind it.
  test -s "$dir/first.db/segment-00000001"
  test "$(sqlite3 "$dir/first.db/tables.db" 'PRAGMA integrity_check')" = ok
  # The same in one file.
  # shellcheck disable=SC2086
  $RUN_COMMAND --store sqlite --db "$dir/file.db" --out "$dir/file"
  cmp "$dir/first/outcomes.jsonl" "$dir/file/outcomes.jsonl"
  test "$(sqlite3 "$dir/file.db" 'PRAGMA integrity_check')" = ok
}
