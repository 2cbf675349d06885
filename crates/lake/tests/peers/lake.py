"""Reads an Iceberg table with pyiceberg and with DuckDB, and says what each of them sees.

usage: lake.py TABLE_FOLDER_OR_URI [S3_ENDPOINT]   prints one JSON object
"""

import glob
import importlib.util
import json
import os
import sys


def extensions(con):
    """DuckDB's extensions, as packages; in this order."""
    for name in ("avro", "httpfs", "iceberg"):
        spec = importlib.util.find_spec("duckdb_extension_" + name)
        if spec is None:
            return "DuckDB's extension %s is not installed" % name
        found = glob.glob(os.path.join(os.path.dirname(spec.origin), "**", "*.duckdb_extension"), recursive=True)
        con.execute("load '%s'" % found[0])
    return None


def stamp(value):
    """Microseconds since 1970."""
    return None if value is None else int(value.timestamp()) * 1000000 + value.microsecond


def rows_of(table):
    rows = table.to_pylist()
    for row in rows:
        for name in ("time", "received", "start", "end"):
            if name in row:
                row[name] = stamp(row[name])
    return rows


def by_duckdb(table, endpoint):
    import duckdb

    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    missing = extensions(con)
    if missing:
        return {"skipped": missing}
    if endpoint:
        host = endpoint.split("://")[1]
        con.execute(
            "create secret (type s3, key_id 'key', secret 'secret', region 'us-east-1', endpoint '%s',"
            " url_style 'path', use_ssl false)" % host
        )
    con.execute("set unsafe_enable_version_guessing = true")
    out = con.execute("select * from iceberg_scan('%s') order by all" % table)
    return {"rows": rows_of(out.to_arrow_table())}


def by_pyiceberg(table, endpoint):
    from pyiceberg.table import StaticTable

    if table.startswith("s3://"):
        options = {
            "s3.endpoint": endpoint,
            "s3.access-key-id": "key",
            "s3.secret-access-key": "secret",
            "s3.region": "us-east-1",
        }
        static = StaticTable.from_metadata(table, options)
    else:
        static = StaticTable.from_metadata(table)
    snapshot = static.current_snapshot()
    return {
        "rows": rows_of(static.scan().to_arrow()),
        "files": len(list(static.scan().plan_files())),
        "snapshots": len(static.metadata.snapshots),
        "partition": str(static.spec()),
        "order": str(static.sort_order()),
        "summary": dict(snapshot.summary.additional_properties) if snapshot else {},
        "types": {field.name: str(field.field_type) for field in static.schema().fields},
    }


if __name__ == "__main__":
    table, endpoint = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)
    print(json.dumps({"duckdb": by_duckdb(table, endpoint), "pyiceberg": by_pyiceberg(table, endpoint)}))
