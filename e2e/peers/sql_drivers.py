"""Drivers and tools of Python that speak to PostgreSQL, each as it comes: psycopg2, asyncpg, pg8000, Arrow ADBC, pgcli. Words:
connection string, path of a point."""

import asyncio
import datetime
import json
import sys
import urllib.parse

import asyncpg
import pg8000.dbapi
import psycopg2
from adbc_driver_postgresql import dbapi

dsn, path = sys.argv[1:3]
where = urllib.parse.urlsplit(dsn)
out = {}
RECENT = "select path, time, value, good, seq, value_text from samples where path = {} and time > {} order by time limit 5"
since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)


def checked(rows):
    assert len(rows) == 5, rows
    for row in rows:
        assert row[0] == path and row[1] > since and row[2] == 12.5 and row[3] is True and row[4] > 0 and row[5] is None, row
    return len(rows)


with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
    cursor.execute(RECENT.format("%s", "%s"), (path, since))
    out["psycopg2"] = checked(cursor.fetchall())
    # What `execute_values` and named cursors do.
    with connection.cursor(name="rows") as rows:
        rows.itersize = 9
        rows.execute("select value from generate_series(1, 100) as g(value)")
        assert sum(row[0] for row in rows) == 5050
    cursor.execute("select null::text, date '2026-01-02', interval '90 seconds', current_schemas(true), array[1.5, 2]")
    row = (None, datetime.date(2026, 1, 2), datetime.timedelta(seconds=90), ["pg_catalog", "public"], [1.5, 2.0])
    assert cursor.fetchone() == row


async def by_asyncpg():
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(RECENT.format("$1", "$2"), path, since)
    out["asyncpg"] = checked([tuple(row) for row in rows])
    assert await connection.fetchval("select count(*) from points where path = any($1::text[])", [path, "x"]) == 1
    async with connection.transaction(readonly=True):
        values = [row[0] async for row in connection.cursor("select value from generate_series(1, 100) as g(value)")]
        assert sum(values) == 5050
    try:
        await connection.execute("delete from samples")
    except asyncpg.PostgresError as error:
        out["asyncpg writes"] = error.sqlstate
    out["asyncpg version"] = connection.get_server_version().major
    await connection.close()
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=2)
    out["asyncpg pool"] = sum(await asyncio.gather(*(pool.fetchval("select 1") for _ in range(6))))
    await pool.close()


asyncio.run(by_asyncpg())

connection = pg8000.dbapi.connect(
    user=where.username, password=where.password, host=where.hostname, port=where.port, database="ironbridge"
)
cursor = connection.cursor()
cursor.execute(RECENT.format("%s", "%s"), (path, since))
out["pg8000"] = checked(cursor.fetchall())
connection.close()

with dbapi.connect(dsn, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute(RECENT.format("$1", "$2"), (path, since))
        table = cursor.fetch_arrow_table()
        out["adbc"] = checked([tuple(row.values()) for row in table.to_pylist()])
        out["adbc types"] = [str(field.type) for field in table.schema]
    with connection.cursor() as cursor:
        cursor.execute("select value from generate_series(1, 100000) as g(value)")
        assert sum(cursor.fetch_arrow_table()["value"].to_pylist()) == 5_000_050_000
    (catalogue,) = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    for schema in catalogue["catalog_db_schemas"]:
        if schema["db_schema_name"] == "public":
            out["adbc tables"] = sorted(table["table_name"] for table in schema["db_schema_tables"])
    field = connection.adbc_get_table_schema("samples", db_schema_filter="public").field("time")
    out["adbc schema"] = str(field.type)

from pgcli.pgexecute import PGExecute  # noqa: E402
from pgspecial.main import PGSpecial  # noqa: E402

tool = PGExecute("ironbridge", where.username, where.password, where.hostname, where.port)
out["pgcli"] = {
    "schemata": sorted(tool.schemata()),
    "path": tool.search_path(),
    "tables": sorted(f"{schema}.{name}" for schema, name in tool.tables() if schema in ("public", "lake")),
    "views": sorted(name for schema, name in tool.views() if schema == "public"),
    "columns": sorted(column[2] for column in tool.table_columns() if column[1] == "samples"),
    "functions": sorted({f.func_name for f in tool.functions() if f.schema_name == "public"}),
    "databases": tool.databases(),
    "keys": list(tool.foreignkeys()),
    "types of its own": list(tool.datatypes()),
}
for _, _, _, _, sql, success, _ in tool.run(r"\dt", PGSpecial()):
    assert success, sql
print(json.dumps(out, default=str))
