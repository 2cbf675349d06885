#!/usr/bin/env bash
# Installs or names what is missing. usage: need.sh demo|test
# Says what and why before it uses apt; without root it prints the one line to run and stops.
set -euo pipefail
what=${1:-demo}
cd "$(dirname "$0")/.."

fail() { echo "ironbridge: $*" >&2; exit 1; }

command -v cargo >/dev/null || fail "Rust is missing. Install Rust 1.95 or newer (https://rustup.rs), then call make again."
command -v node >/dev/null || fail "Node.js is missing. Install Node.js 20 or newer, then call make again."
node_major=$(node -p 'process.versions.node.split(".")[0]')
[ "$node_major" -ge 20 ] || fail "Node.js $node_major is too old: the web interface needs 20 or newer."

missing=() why=()
need() { # package, what to look for, why
    if ! eval "$2" >/dev/null 2>&1; then missing+=("$1"); why+=("  $1: $3"); fi
}
need build-essential 'command -v cc && command -v make' "a C compiler, for the compression and cryptography libraries"
if [ "$what" = test ]; then
    need mosquitto 'command -v mosquitto || [ -x /usr/sbin/mosquitto ]' "an MQTT broker that the tests publish to"
    need mosquitto-clients 'command -v mosquitto_sub' "an independent MQTT client"
    need postgresql 'ls /usr/lib/postgresql/*/bin/initdb' "a database that the tests store in"
    need nats-server 'command -v nats-server || [ -x /usr/sbin/nats-server ]' "the NATS servers that the tests publish to"
    need rsyslog '[ -x /usr/sbin/rsyslogd ]' "a collector of events"
    need rsyslog-gnutls 'ls /usr/lib/*/rsyslog/lmnsd_gtls.so' "the same over TLS"
    need victoria-metrics '[ -x /usr/bin/victoria-metrics ]' "a database that takes the line protocol"
    need influxdb '[ -x /usr/bin/influxd ]' "the database after which the line protocol is named"
    need libmodbus-dev '[ -e /usr/include/modbus/modbus.h ]' "an independent Modbus server"
    need chromium 'command -v chromium' "the browser in which the pages are tested"
    need stunnel4 '[ -x /usr/bin/stunnel4 ]' "what ends TLS in front of a Kafka broker that knows none"
    need snmpd '[ -x /usr/sbin/snmpd ]' "an independent SNMP agent"
    need snmp 'command -v snmpget' "an independent SNMP client, and senders of traps"
    need curl 'command -v curl' "an independent HTTP client"
    need tshark 'command -v tshark' "an independent analyser of captures"
    need iproute2 'command -v ip' "a cable of our own for the PROFINET test"
    need postgresql-client 'command -v psql' "psql, by which SQL is asked as people do"
    need prometheus 'command -v promtool' "Prometheus, which scrapes chosen points"
    need odbc-postgresql 'ls /usr/lib/*/odbc/psqlodbcw.so' "psqlODBC, by which Excel and others ask (0.4 MB)"
    need unixodbc 'command -v isql' "what ODBC drivers stand on"
    need libpostgresql-jdbc-java '[ -e /usr/share/java/postgresql.jar ]' "the JDBC driver, for tools in Java (1 MB; the test is skipped without a JDK)"
    need socat 'command -v socat' "a serial line for the RTU tests"
    need tcpdump 'command -v tcpdump || [ -x /usr/sbin/tcpdump ]' "what really goes over the wire when the plant is changed"
    need python3-venv 'python3 -c "import venv, ensurepip"' "a throw-away environment for Python peers"
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "ironbridge: these Debian packages are needed and missing:"
    printf '%s\n' "${why[@]}"
    if [ "$(id -u)" = 0 ]; then
        echo "ironbridge: installing them with apt-get"
        # A package may want to start its service; the tests start their own on free ports.
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        fail "run this once, then call make again:  sudo apt-get install -y ${missing[*]}"
    fi
fi

[ "$what" = test ] || exit 0

# Independent peers from Python's and Node's registries, in a throw-away environment outside the checkout.
peers=${IRONBRIDGE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/ironbridge/peers}
mkdir -p "$peers"
wanted=$(cat e2e/peers/requirements*.txt e2e/peers/package.json e2e/peers/package-lock.json e2e/peers/ab-server/{Cargo.lock,build.sh} 2>/dev/null | cksum)
if [ "$(cat "$peers/.installed" 2>/dev/null)" != "$wanted" ]; then
    echo "ironbridge: installing Python and Node peers into $peers"
    [ -x "$peers/venv/bin/python" ] || python3 -m venv "$peers/venv"
    "$peers/venv/bin/pip" install --quiet --disable-pip-version-check -r e2e/peers/requirements.txt
    [ -x "$peers/lake/bin/python" ] || python3 -m venv "$peers/lake"
    "$peers/lake/bin/pip" install --quiet --disable-pip-version-check -r e2e/peers/requirements-lake.txt
    mkdir -p "$peers/node"
    cp e2e/peers/package.json e2e/peers/package-lock.json e2e/peers/.npmrc "$peers/node/"
    (cd "$peers/node" && npm ci --no-audit --no-fund --loglevel=error)
    e2e/peers/ab-server/build.sh "$peers/ab_server"
    echo "$wanted" > "$peers/.installed"
fi
