"""SQL beside PostgreSQL and DuckDB on the same rows, and rows a second by Arrow Flight. Words: the PostgreSQL address of
Ironbridge, its Flight address, an API token, first and last time in ms since 1970, a folder for PostgreSQL."""

import datetime
import glob
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time

import duckdb
import psycopg
from adbc_driver_flightsql import DatabaseOptions, dbapi

dsn, flight, token, first, last, folder = sys.argv[1:7]
first, last = (datetime.datetime.fromtimestamp(int(ms) / 1000, datetime.timezone.utc) for ms in (first, last))
# Not what Ironbridge has recorded of itself since it was started.
DATA = f"time < '{last.isoformat()}'"
ALL = f"select path, time, value from samples where {DATA}"


def median(times, work):
    all = []
    for number in range(times):
        start = time.perf_counter()
        work(number)
        all.append((time.perf_counter() - start) * 1e3)
    return statistics.median(all)


def by_flight(sql, texts):
    """Rows, seconds, and bytes in memory, taken batch by batch and dropped."""
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}",
        f"{DatabaseOptions.RPC_CALL_HEADER_PREFIX.value}ironbridge-texts": texts,
    }
    with dbapi.connect(flight, db_kwargs=options) as connection, connection.cursor() as cursor:
        start = time.perf_counter()
        cursor.execute(sql)
        rows = size = 0
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
            size += batch.nbytes
        return rows, time.perf_counter() - start, size


for columns in ("path, time, value", "time, value", "time, value, path, quality, seq, good"):
    sql = f"select {columns} from samples where {DATA}"
    for texts in ("plain", "dictionary") if "path" in columns else ("plain",):
        rows, seconds, size = max((by_flight(sql, texts) for _ in range(3)), key=lambda one: one[0] / one[1])
        print(f"  Flight export    {rows / seconds / 1e6:8.2f} M rows/s          (at least 5: {rows / seconds / 5e6:.2f}x)   {rows} rows, {size / seconds / 1e6:.0f} MB/s: {columns}, texts {texts}")


class Ironbridge:
    def __init__(self):
        self.connection = psycopg.connect(dsn, autocommit=True)

    def ask(self, sql, values=()):
        return self.connection.execute(sql, values, prepare=True).fetchall()


class DuckDb:
    def __init__(self):
        self.connection = duckdb.connect()
        options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
        with dbapi.connect(flight, db_kwargs=options) as connection, connection.cursor() as cursor:
            cursor.execute(ALL)
            rows = cursor.fetch_record_batch()
            self.connection.execute("create table samples as select * from rows order by path, time")

    def ask(self, sql, values=()):
        return self.connection.execute(sql.replace("%s", "?"), values).fetchall()


class PostgreSql:
    def __init__(self, duck):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.data = os.path.join(folder, "pg")
        os.makedirs(self.data)
        self.who = []
        if os.getuid() == 0:
            shutil.chown(self.data, "postgres")
            os.chmod(folder, 0o755)
            self.who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
        subprocess.run([*self.who, f"{self.bin}/initdb", "-D", self.data, "-A", "trust", "-U", "bench"], **quiet)
        options = f"-p {port} -k {self.data} -c listen_addresses=127.0.0.1 -c shared_buffers=1GB -c fsync=off"
        subprocess.run([*self.who, f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-o", options, "start"], **quiet)
        self.connection = psycopg.connect(f"postgresql://bench@127.0.0.1:{port}/postgres", autocommit=True)
        self.connection.execute("create table samples (path text, time timestamptz, value double precision)")
        with self.connection.cursor().copy("copy samples from stdin (format csv)") as copy:
            file = os.path.join(folder, "samples.csv")
            duck.connection.execute(f"copy samples to '{file}' (header false)")
            with open(file, "rb") as rows:
                while part := rows.read(1 << 20):
                    copy.write(part)
            os.remove(file)
        self.connection.execute("create index on samples (path, time)")
        self.connection.execute("vacuum analyze samples")

    def ask(self, sql, values=()):
        return self.connection.execute(sql, values, prepare=True).fetchall()

    def stop(self):
        self.connection.close()
        subprocess.run([*self.who, f"{self.bin}/pg_ctl", "-D", self.data, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


ours, duck = Ironbridge(), DuckDb()
paths = sorted(row[0] for row in duck.ask("select distinct path from samples"))
postgres = PostgreSql(duck)
hour = last - datetime.timedelta(hours=1)


def one_hour(engine):
    return lambda n: engine.ask(
        "select time, value from samples where path = %s and time >= %s and time < %s order by time", (paths[n * 5 % len(paths)], hour, last)
    )


def hourly(engine, bucket):
    def ask(n):
        some = [paths[(i * 10 + n % 10) % len(paths)] for i in range(100)]
        places = ", ".join(["%s"] * len(some))
        return engine.ask(
            f"select path, {bucket} as hour, max(value) from samples where path in ({places}) and time >= %s and time < %s group by 1, 2", (*some, first, last)
        )

    return ask


LATEST = "select distinct on (path) path, time, value from samples order by path, time desc"
KINDS = [
    ("one point, one hour", 100, one_hour(ours), one_hour(postgres), one_hour(duck)),
    (
        "100 points, hourly max of all",
        20,
        hourly(ours, "time_bucket('1 hour', time)"),
        hourly(postgres, "date_trunc('hour', time)"),
        hourly(duck, "date_trunc('hour', time)"),
    ),
    (
        "latest of all",
        10,
        lambda _: ours.ask(f"select path, max(time), last(value, time) from samples where {DATA} group by path"),
        lambda _: postgres.ask(LATEST),
        lambda _: duck.ask("select path, max(time), arg_max(value, time) from samples group by path"),
    ),
]
print(f"  SQL over the wire, median in ms     Ironbridge  PostgreSQL      DuckDB   ratios ({len(paths)} points; DuckDB is in the process that asks)")
try:
    for name, times, *engines in KINDS:
        rows = [sorted((str(r[0]), str(r[1])[:16], r[2] if len(r) > 2 else None) for r in engine(0))[:3] for engine in engines[1:]]
        assert len(engines[0](0)) == len(engines[1](0)) == len(engines[2](0)), (name, [len(e(0)) for e in engines])
        assert rows[0] == rows[1] or name != "100 points, hourly max of all", rows
        a, b, c = (median(times, engine) for engine in engines)
        print(f"  {name:34} {a:10.2f}  {b:10.2f}  {c:10.2f}   {a / b:.2f}x  {a / c:.2f}x")
finally:
    postgres.stop()
