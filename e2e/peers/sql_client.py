"""Asks Ironbridge by psycopg, SQLAlchemy and pandas. Words: connection string, site, seconds to wait for history."""

import datetime
import json
import sys

import pandas
import psycopg
import sqlalchemy

dsn, site = sys.argv[1], sys.argv[2]
out = {}

with psycopg.connect(dsn, autocommit=True) as connection:
    with connection.cursor() as cursor:
        # Parameters, in text and in binary.
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        sql = "select path, time, value, good from samples where path like %s and time > %s order by time limit 5"
        for binary in (False, True):
            cursor.execute(sql, (f"{site}/%/level", since), binary=binary)
            rows = cursor.fetchall()
            assert rows, "no samples"
            for path, time, value, good in rows:
                assert path.startswith(site) and time.tzinfo is not None and time > since, (path, time)
                assert isinstance(value, float) and good is True, (value, good)
        cursor.execute("select %s::bigint + 1, %s::text, %s::double precision, %s::boolean", (41, "a'b;--", 1.5, True))
        out["parameters"] = cursor.fetchone()
        cursor.execute("select count(*) from points where path = any(%s)", ([f"{site}/packaging/line-1/filler/level", "x"],))
        out["any"] = cursor.fetchone()[0]
        for _ in range(8):  # more than the five after which psycopg prepares
            cursor.execute("select unit from points where path like %s", (f"{site}/%/level",), prepare=True)
            cursor.fetchall()
        try:
            cursor.execute("delete from samples")
        except psycopg.errors.ReadOnlySqlTransaction as error:
            out["read_only"] = str(error)
        try:
            cursor.execute("select level from samples")
        except psycopg.Error as error:
            out["wrong"] = [error.sqlstate, str(error)]
        with cursor.copy("copy (select path, value from latest order by path) to stdout with (format csv, header)") as copy:
            out["copy"] = b"".join(copy).decode().splitlines()[0]

# Transactions and cursors on the server.
with psycopg.connect(dsn) as connection:
    with connection.cursor(name="rows") as cursor:
        cursor.itersize = 7
        cursor.execute("select g.value from generate_series(1, 50) g")
        out["cursor"] = sum(row[0] for row in cursor)
    try:
        connection.execute("select 1/0")
    except psycopg.errors.DivisionByZero:
        pass
    try:
        connection.execute("select 1")
    except psycopg.errors.InFailedSqlTransaction:
        out["failed"] = True
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)

engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
inspector = sqlalchemy.inspect(engine)
out["tables"] = sorted(inspector.get_table_names())
out["views"] = sorted(inspector.get_view_names())
out["columns"] = {c["name"]: str(c["type"]) for c in inspector.get_columns("samples")}
assert inspector.get_pk_constraint("samples")["constrained_columns"] == []
assert inspector.get_foreign_keys("samples") == [] and inspector.get_indexes("samples") == []
with engine.connect() as connection:
    frame = pandas.read_sql(
        sqlalchemy.text(
            "select time_bucket('1 second', time) as second, avg(value) as level from samples "
            "where path like :path group by 1 order by 1"
        ),
        connection,
        params={"path": f"{site}/%/level"},
        index_col="second",
    )
out["frame"] = [str(frame.index.dtype), str(frame["level"].dtype), len(frame) > 0]
print(json.dumps(out))
