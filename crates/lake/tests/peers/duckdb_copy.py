"""Writes the rows of a table once more with DuckDB's own COPY TO, and says how fast.

usage: duckdb_copy.py FOLDER_OF_TABLES
"""

import os
import sys
import time

import duckdb

from lake import extensions

folder = sys.argv[1]
con = duckdb.connect()
missing = extensions(con)
if missing:
    sys.exit(missing)
con.execute("set unsafe_enable_version_guessing = true")
con.execute("create table rows as select * from iceberg_scan('%s')" % os.path.join(folder, "samples"))
count = con.execute("select count(*) from rows").fetchone()[0]
for threads in (1, os.cpu_count()):
    con.execute("set threads = %d" % threads)
    for order in ("", " order by path, time"):
        out = os.path.join(folder, "copy.parquet")
        begin = time.perf_counter()
        con.execute("copy (select * from rows%s) to '%s' (format parquet, compression zstd)" % (order, out))
        spent = time.perf_counter() - begin
        print(
            "DuckDB       %.2f M rows/s by COPY TO, %d threads%s: %.2f B a row"
            % (count / spent / 1e6, threads, ", sorted" if order else "", os.path.getsize(out) / count)
        )
