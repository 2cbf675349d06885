#!/usr/bin/env python3
"""duckdb_check.py HISTORY: one row per path, computed by DuckDB over the segments as they lie there, as JSON.

Columns: path, samples, samples with a value, sum, min, max, first and last time (ms), largest text, smallest seq.
The query is the one of the store's README. Needs: pip install duckdb
"""
import json
import sys

import duckdb

history = sys.argv[1]
connection = duckdb.connect()
connection.execute("set timezone = 'UTC'")
connection.execute(f"""
create view samples as
select p.path, s.time, coalesce(s.received, s.time) as received, s.seq, s.status, s.historical, s.text as value_text,
       case when s.status >= 2147483648 or s.kind not in (1, 2, 3, 4) then null
            when s.number is not null then s.number / pow(10, s.scale)
            else s.real end as value
from read_parquet('{history}/segments/*.L?.parquet') s
join read_parquet('{history}/points.parquet') p on p.point = s.point and p.current
""")
rows = connection.execute("""
select path, count(*), count(value), sum(value), min(value), max(value),
       epoch_ns(min(time)) / 1e6, epoch_ns(max(time)) / 1e6, max(value_text), min(seq)
from samples group by path order by path
""").fetchall()
json.dump(rows, sys.stdout)
