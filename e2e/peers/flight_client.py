"""Asks Ironbridge by Arrow Flight SQL: ADBC, pandas, Polars, DuckDB and pyarrow. Words: address, a token's text, site,
and the token's name, by which it signs in as a person would."""

import datetime
import json
import subprocess
import sys
import time
import warnings

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.flight
from adbc_driver_flightsql import DatabaseOptions, dbapi

if sys.argv[1] == "fetch":
    # In a process of its own: a fetch that somebody else stops ends pyarrow like Ctrl-C.
    _, _, address, token, ticket = sys.argv
    client = pyarrow.flight.connect(address.replace("grpc://", "grpc+tcp://"))
    call = pyarrow.flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
    try:
        print(client.do_get(pyarrow.flight.Ticket(bytes.fromhex(ticket)), call).read_all())
    except BaseException as error:
        print(f"{type(error).__name__}: {error}")
    sys.exit()

address, token, site, person = sys.argv[1:5]
password = token
out = {}
warned = []
warnings.showwarning = lambda message, *_: warned.append(str(message))


def connect(**kwargs):
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
    return dbapi.connect(address, db_kwargs=kwargs or options)


recent = (
    f"select path, time, value, good from samples where path like '{site}/%/level' "
    "and time > now() - interval '1 hour' order by path, time"
)

with connect() as connection:
    with connection.cursor() as cursor:
        cursor.execute(recent)
        table = cursor.fetch_arrow_table()
        assert table.num_rows > 0, "no samples"
        out["types"] = [str(field.type) for field in table.schema]
        out["nulls"] = [field.nullable for field in table.schema]
        # Parameters, as drivers write them, with and without numbers.
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        for sql in (
            "select value from samples where path = ? and time > ? limit 5",
            "select value from samples where path = $1 and time > $2 limit 5",
        ):
            cursor.execute(sql, (f"{site}/packaging/line-1/filler/level", since))
            assert len(cursor.fetchall()) == 5
        cursor.execute("select ? + 1, ? as text, ? * 2, ?", (41, "a'b;--", 1.25, True))
        out["parameters"] = list(cursor.fetchone())
        cursor.execute("select value from samples where 1 = 0")
        out["empty"] = cursor.fetchall()
        cursor.execute("select count(*) as n, sum(value) as total from generate_series(1, 300000) as t(value)")
        out["many"] = list(cursor.fetchone())
        cursor.execute("select value from generate_series(1, 300000) as t(value)")
        out["streamed"] = sum(batch.num_rows for batch in cursor.fetch_record_batch())
        for name, sql in (("wrong", "select level from samples"), ("unknown", "select * from nothing")):
            try:
                cursor.execute(sql)
                cursor.fetchall()
            except dbapi.Error as error:
                out[name] = str(error)
        for name, run in (
            ("update", lambda: cursor.executescript("delete from samples")),
            ("drop", lambda: cursor.execute("drop table samples")),
            ("ingest", lambda: cursor.adbc_ingest("samples", pyarrow.table({"path": ["x"]}), mode="append")),
        ):
            try:
                run()
                out[name] = "it went through"
            except dbapi.Error as error:
                out[name] = str(error)
        # The cursor is as good as before.
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)
    objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    tables = {
        t["table_name"]: (t["table_type"], [c["column_name"] for c in t["table_columns"]])
        for catalog in objects
        for schema in catalog["catalog_db_schemas"]
        for t in schema["db_schema_tables"]
    }
    out["catalog"] = objects[0]["catalog_name"]
    out["schemas"] = sorted(s["db_schema_name"] for s in objects[0]["catalog_db_schemas"])
    out["tables"] = {name: kind for name, (kind, _) in tables.items()}
    out["columns"] = tables["samples"][1]
    out["kinds"] = connection.adbc_get_table_types()
    out["schema"] = str(connection.adbc_get_table_schema("samples", db_schema_filter="public").field("time").type)
    info = connection.adbc_get_info()
    out["vendor"] = info["vendor_name"]

    # A data frame, in one line each.
    frame = pandas.read_sql(recent, connection)
    out["pandas"] = [str(frame["time"].dtype), str(frame["value"].dtype), len(frame) > 0]
    lazy = polars.read_database(recent, connection)
    out["polars"] = [str(lazy.schema["time"]), str(lazy.schema["value"]), lazy.height > 0]
    cursor = connection.cursor()
    cursor.execute(recent)
    rows = cursor.fetch_record_batch()
    out["duckdb"] = duckdb.sql("select count(*) > 0, max(value) from rows").fetchone()
    cursor.close()

# Texts once in a batch, and numbers in the rows.
asked = {
    DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}",
    f"{DatabaseOptions.RPC_CALL_HEADER_PREFIX.value}ironbridge-texts": "dictionary",
}
with connect(**asked) as connection, connection.cursor() as cursor:
    several = f"select path, value, quality from samples where path like '{site}/%' and time <= timestamp '{table['time'][-1].as_py().isoformat()}' - interval '1 second' order by path, seq limit 20000"
    cursor.execute(several)
    numbered = cursor.fetch_arrow_table()
    with connect() as other, other.cursor() as plain:
        plain.execute(several)
        same = [numbered[c].cast(pyarrow.string()) if c != "value" else numbered[c] for c in numbered.column_names]
        equal = pyarrow.table(same, names=numbered.column_names).equals(plain.fetch_arrow_table().cast(pyarrow.schema([("path", "string"), ("value", "double"), ("quality", "string")])))
    out["numbered"] = [[str(f.type) for f in numbered.schema], equal and numbered.num_rows > 10]

# Name and password, by the handshake; every call of the connection then carries the bearer.
with connect(username=person, password=password) as connection, connection.cursor() as cursor:
    cursor.execute("select count(*) from points")
    out["person"] = cursor.fetchone()[0] > 0
# From here on nobody is let in: the driver then warns of transactions before it says so.
out["warnings"] = list(warned)
for name, kwargs in (
    ("nobody", {"username": person, "password": "wrong"}),
    ("stranger", {DatabaseOptions.AUTHORIZATION_HEADER.value: "Bearer ib_wrong"}),
):
    try:
        with connect(**kwargs) as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
        out[name] = "was let in"
    except dbapi.Error as error:
        out[name] = str(error)

# The bare protocol: a ticket is fetched over another connection, and a query that runs is stopped.
client = pyarrow.flight.connect(address.replace("grpc://", "grpc+tcp://"))
headers = client.authenticate_basic_token(person, password)
assert headers[1].startswith(b"Bearer ibf_"), headers
other = pyarrow.flight.connect(address.replace("grpc://", "grpc+tcp://"))
call = pyarrow.flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def command(sql):
    text = sql.encode()
    kind = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    body = b"\x0a" + varint(len(text)) + text
    return pyarrow.flight.FlightDescriptor.for_command(
        b"\x0a" + varint(len(kind)) + kind + b"\x12" + varint(len(body)) + body
    )


info = client.get_flight_info(command("select 1 as one"), call)
out["ticket"] = other.do_get(info.endpoints[0].ticket, call).read_all().to_pylist()
endless = "select count(*) from generate_series(1, 100000000) a, generate_series(1, 1000000) b where a.value % 7 = b.value % 11"
info = client.get_flight_info(command(endless), call)
# Its row never comes: fetched beside, and stopped from here.
ticket = info.endpoints[0].ticket.ticket.hex()
fetch = subprocess.Popen([sys.executable, __file__, "fetch", address, token, ticket], stdout=subprocess.PIPE, text=True)
serialized = info.serialize()
body = b"\x0a" + varint(len(serialized)) + serialized
deadline = datetime.datetime.now() + datetime.timedelta(seconds=60)
cancelled = None
while cancelled is None and datetime.datetime.now() < deadline:
    try:
        answers = client.do_action(pyarrow.flight.Action("CancelFlightInfo", body), call)
        cancelled = [answer.body.to_pybytes().hex() for answer in answers]
    except pyarrow.lib.ArrowException:
        time.sleep(0.05)  # not there yet
out["cancelled"] = cancelled
out["stopped"] = fetch.communicate(timeout=60)[0]
try:
    list(client.do_action(pyarrow.flight.Action("CancelFlightInfo", body), call))
except Exception as error:
    out["gone"] = str(error)
print(json.dumps(out, default=str))
