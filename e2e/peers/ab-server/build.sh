#!/usr/bin/env bash
# Compiles libplctag's test server from the sources in the crate plctag-sys. usage: build.sh OUTPUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
manifest=$here/Cargo.toml
cargo fetch --quiet --locked --manifest-path "$manifest"
crate=$(cargo metadata --quiet --offline --locked --format-version 1 --manifest-path "$manifest" |
    python3 -c 'import json, sys; print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "plctag-sys"))')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$(dirname "$crate")"/libplctag/src/tests/ab_server/src/*.[ch] "$work"
# It listens on every interface; here on loopback only.
sed -i 's/"0\.0\.0\.0"/"127.0.0.1"/' "$work/main.c" "$work/socket.c"
# It answers its own client only: its requester id, and a sender context of 0 that is not repeated. Here anybody's, and
# repeated as the standard says (CIP Networks Library, Volume 2, 2-3.6).
sed -i '/CIP_PCCC_EXECUTE\[\]/s/0x07, .*}/0x07 }/' "$work/cip.c"
sed -i 's/plc->sender_context/header.sender_context/; s/header->sender_context != (uint64_t)0/0/' "$work/eip.c"
cc -w -O1 -o "$1" "$work"/*.c -lpthread
