"""Reads the tables of the HTTP API as a data engineer does: pandas for CSV, JSON and Parquet, DuckDB for SQL.

usage: table_reader.py http://HOST:PORT TOKEN PATTERN
Prints one JSON object with what each of them saw.
"""

import io
import json
import sys
from urllib.parse import urljoin

import duckdb
import httpx
import pandas

base, token, pattern = sys.argv[1:4]
client = httpx.Client(base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=60)


def get(path, **params):
    answer = client.get(path, params=params)
    answer.raise_for_status()
    return answer


to = client.get("/api/latest", params={"points": pattern}).json()
# A moment that is over for every point.
to = max(row["received"] for row in to if row["received"]) - 2_000
ask = {"points": pattern, "from": to - 600_000, "to": to}

csv = pandas.read_csv(io.StringIO(get("/api/range", format="csv", **ask).text), parse_dates=["time"])
rows = pandas.read_json(io.StringIO(get("/api/range", format="json", **ask).text), convert_dates=False)
parquet = pandas.read_parquet(io.BytesIO(get("/api/range", format="parquet", **ask).content))
with open("range.parquet", "wb") as file:
    file.write(get("/api/range", format="parquet", **ask).content)
duck = duckdb.sql("select path, count(*), count(value), sum(value) from 'range.parquet' group by path order by path").fetchall()

# In pages, while the plant goes on.
pages, paged, url = 0, [], "/api/range?" + str(httpx.QueryParams(format="csv", limit=97, **ask))
while url:
    answer = client.get(url)
    answer.raise_for_status()
    pages += 1
    paged.append(pandas.read_csv(io.StringIO(answer.text)))
    url = answer.links.get("next", {}).get("url")
    url = urljoin(base, url) if url else None
paged = pandas.concat(paged)

key = ["path", "time", "seq"]
print(json.dumps({
    "rows": [len(csv), len(rows), len(parquet), len(paged)],
    "once": len(paged.drop_duplicates(key)),
    "pages": pages,
    "sums": [float(frame["value"].sum()) for frame in (csv, rows, parquet, paged)],
    "same": bool((csv["path"].values == parquet["path"].values).all()
                 and (csv["time"].values == parquet["time"].values).all()
                 and (csv["seq"].values == parquet["seq"].values).all()),
    "csv_time": str(csv["time"].dtype),
    "types": {name: str(kind) for name, kind in parquet.dtypes.items()},
    "duck": [list(row) for row in duck],
    "bad": int(parquet.loc[~parquet["good"], "value"].notna().sum()),
    "points": len(pandas.read_csv(io.StringIO(get("/api/points", format="csv", points=pattern).text))),
    "latest": len(pandas.read_parquet(io.BytesIO(get("/api/latest", format="parquet", points=pattern).content))),
}))
