#!/usr/bin/env bash
# Two nodes over a PostgreSQL primary with a synchronous standby, on loopback, from Debian's packages
# (as root: the servers run as user `postgres`). Kills a node, then ROUNDS times the primary:
#   bash examples/failover.sh [ROUNDS]      (20)
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v psql >/dev/null || ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends postgresql postgresql-client </dev/null
fi
exec cargo run --locked --release --features postgres --example failover -- "${1:-20}"
