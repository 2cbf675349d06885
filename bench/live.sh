#!/usr/bin/env bash
# The monitor at a live interface: captures through a veth pair at a rate for a time; fails if a packet is lost.
# usage: live.sh [PACKETS_PER_SECOND [SECONDS [CAPTURES...]]]
set -euo pipefail
cd "$(dirname "$0")/.."
rate=${1:-100000} seconds=${2:-60}
captures=("${@:3}")
[ ${#captures[@]} -gt 0 ] || captures=(docs/watch-example.pcap docs/watch-monday.pcap)
cargo build --locked --release -q -p watch --example watch-live
program="${CARGO_TARGET_DIR:-target}/release/examples/watch-live"
unshare --map-root-user --net bash -c '
    ip link add ours type veth peer name theirs
    ip link set ours up
    ip link set theirs up
    exec "$@"' live "$program" "$rate" "$seconds" "${captures[@]}"
