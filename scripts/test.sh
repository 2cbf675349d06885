#!/usr/bin/env bash
# Every test, the fast ones first. Called by `make test`, which has installed what is needed.
set -euo pipefail
cd "$(dirname "$0")/.."
export IRONBRIDGE_PEERS_PYTHON="$IRONBRIDGE_PEERS/venv/bin/python"
export IRONBRIDGE_PEERS_NODE_DIR="$IRONBRIDGE_PEERS/node"
export IRONBRIDGE_CHROMIUM=${IRONBRIDGE_CHROMIUM:-$(command -v chromium)}
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"

echo "== web interface: types and unit tests"
(cd ui && npm run check --silent && npm test --silent)

echo "== build once for all that follows"
cargo build --locked --workspace --all-targets

echo "== Rust tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
else
    cargo test --locked --workspace --no-fail-fast -- --test-threads=2
fi
