"""SQL beside PostgreSQL and DuckDB on the same rows, and rows a second by Arrow Flight. Words: the PostgreSQL address of
Ironbridge, its Flight address, an API token, first and last time in ms since 1970, a folder for PostgreSQL."""

import datetime
import os
import statistics
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


class OverTheWire:
    """Ironbridge or PostgreSQL."""

    def __init__(self, url):
        self.connection = psycopg.connect(url, autocommit=True)

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

    def copy_to(self, connection):
        """The same rows into PostgreSQL."""
        connection.execute("create table samples (path text, time timestamptz, value double precision)")
        file = os.path.join(folder, "samples.csv")
        self.connection.execute(f"copy samples to '{file}' (header false)")
        with open(file, "rb") as rows, connection.cursor().copy("copy samples from stdin (format csv)") as copy:
            while part := rows.read(1 << 20):
                copy.write(part)
        os.remove(file)
        connection.execute("create index on samples (path, time)")
        connection.execute("vacuum analyze samples")


ours, duck = OverTheWire(dsn), DuckDb()
paths = sorted(row[0] for row in duck.ask("select distinct path from samples"))
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


def plain(row):
    """Times in one zone and to the millisecond: DuckDB has its own ways with both."""
    times = (cell.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds") if isinstance(cell, datetime.datetime) else cell for cell in row)
    return tuple(times)


LATEST = "select distinct on (path) path, time, value from samples order by path, time desc"


def compare(theirs):
    kinds = [
        ("one point, one hour", 100, one_hour(ours), one_hour(theirs), one_hour(duck)),
        (
            "100 points, hourly max of all",
            20,
            hourly(ours, "time_bucket('1 hour', time)"),
            hourly(theirs, "date_trunc('hour', time)"),
            hourly(duck, "date_trunc('hour', time)"),
        ),
        (
            "latest of all",
            10,
            lambda _: ours.ask(f"select path, max(time), last(value, time) from samples where {DATA} group by path"),
            lambda _: theirs.ask(LATEST),
            lambda _: duck.ask("select path, max(time), arg_max(value, time) from samples group by path"),
        ),
    ]
    print(f"  SQL over the wire, median in ms     Ironbridge  PostgreSQL      DuckDB   ratios ({len(paths)} points; DuckDB is in the process that asks)")
    for name, times, *engines in kinds:
        answers = [sorted(map(plain, engine(0))) for engine in engines]
        assert answers[0] == answers[1] == answers[2], (name, [(len(answer), answer[:3]) for answer in answers])
        a, b, c = (median(times, engine) for engine in engines)
        print(f"  {name:34} {a:10.2f}  {b:10.2f}  {c:10.2f}   {a / b:.2f}x  {a / c:.2f}x")


with postgres(folder, "shared_buffers=1GB", "fsync=off") as url:
    theirs = OverTheWire(url)
    duck.copy_to(theirs.connection)
    compare(theirs)
    theirs.connection.close()
