#!/usr/bin/env bash
# All benchmarks, one after the other. Each prints our figure, the peer's or the limit's from the same run, the ratio.
set -euo pipefail
cd "$(dirname "$0")/.."
ulimit -n "$(ulimit -Hn)"
target=${CARGO_TARGET_DIR:-target}
cargo build --locked --release -p ironbridge -p bench
echo "== Modbus to MQTT, 100,000 tags/s";  "$target/release/bench-gateway" load 1000 100 1000
echo "== Modbus to MQTT, 500,000 tags/s";  "$target/release/bench-gateway" load 1000 500 1000
echo "== Modbus to MQTT, 1,000,000 tags/s"; "$target/release/bench-gateway" load 1000 1000 1000
echo "== a query without an end";          "$target/release/bench-gateway" sql
echo "== cold start, 10,000 points";       "$target/release/bench-gateway" start
echo "== one connection";                  "$target/release/bench-gateway" single
echo "== one change among 100,000 points"; "$target/release/bench-gateway" change 1000 100
echo "== commands under load";             "$target/release/bench-gateway" command 1000 100
echo "== Siemens S7";                      "$target/release/bench-devices" s7
echo "== EtherNet/IP";                     "$target/release/bench-devices" ethernet-ip
echo "== OPC UA";                         "$target/release/bench-devices" opc-ua 10
captures=(); [ -d "${IRONBRIDGE_CAPTURES:-../shared/data/captures}" ] && captures=("${IRONBRIDGE_CAPTURES:-../shared/data/captures}"/{iti,lemay,icsnpp-bacnet,quickdraw})
echo "== the monitor";                     "$target/release/bench-monitor" 4000000 "${captures[@]}"
echo "== monitor, 100,000 packets/s";      bench/live.sh
echo "== OPC UA, encrypted";              "$target/release/bench-devices" opc-ua-encrypted 10
echo "== OPC UA server";                  "$target/release/bench-devices" opc-ua-server 10
echo "== historian";                       "$target/release/bench-historian"
echo "== journal";                         cargo run --locked --release -q -p journal --example speed
echo "== Iceberg";                         cargo run --locked --release -q -p lake --example lake_speed
