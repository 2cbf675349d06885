"""Asks Ironbridge by psqlODBC under unixODBC. Words: path of the driver, port, user, password, path of a point."""

import datetime
import json
import sys

import pyodbc

driver, port, user, password, path = sys.argv[1:]
out = {}
dsn = f"Driver={driver};Server=127.0.0.1;Port={port};Database=ironbridge;Uid={user};Pwd={password};SSLmode=disable;"

for more in ("", "UseServerSidePrepare=0;", "UseDeclareFetch=1;Fetch=100;"):
    connection = pyodbc.connect(dsn + more, autocommit="Declare" not in more)
    cursor = connection.cursor()
    cursor.execute("select path, time, value, good, seq, value_text from samples where path = ? limit 5", path)
    rows = cursor.fetchall()
    assert len(rows) == 5, rows
    for row in rows:
        assert row[0] == path and isinstance(row[1], datetime.datetime) and row[2] == 12.5, row
        assert row[4] > 0 and row[5] is None, row
    cursor.execute("select value from generate_series(1, 1000)")
    out.setdefault("sums", []).append(sum(row[0] for row in cursor))
    cursor.execute("select cast(? as bigint) + 1, cast(? as text), cast(? as double precision)", 41, "a'b;--", 1.5)
    out.setdefault("parameters", []).append(list(cursor.fetchone()))
    connection.close()

connection = pyodbc.connect(dsn, autocommit=True)
cursor = connection.cursor()
out["tables"] = [row.table_name for row in cursor.tables(schema="public", tableType="TABLE")]
out["views"] = [row.table_name for row in cursor.tables(schema="public", tableType="VIEW")]
out["columns"] = {row.column_name: row.type_name for row in cursor.columns(table="samples", schema="public")}
out["keys"] = [row.column_name for row in cursor.primaryKeys(table="samples", schema="public")]
out["foreign"] = [list(row) for row in cursor.foreignKeys(table="samples", schema="public")]
out["statistics"] = [row.index_name for row in cursor.statistics(table="samples", schema="public") if row.index_name]
out["procedures"] = isinstance([row.procedure_name for row in cursor.procedures()], list)
out["types"] = "float8" in [row.type_name for row in cursor.getTypeInfo()]
out["dbms"] = connection.getinfo(pyodbc.SQL_DBMS_NAME)
try:
    cursor.execute("delete from samples")
    out["write"] = "went through"
except pyodbc.Error as error:
    out["write"] = str(error)
cursor.execute("select 1")
assert cursor.fetchone()[0] == 1
try:
    pyodbc.connect(dsn.replace(password, "wrong"))
    out["wrong"] = "was let in"
except pyodbc.Error as error:
    out["wrong"] = str(error)
print(json.dumps(out))
