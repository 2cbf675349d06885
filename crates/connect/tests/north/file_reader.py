"""Reads the files of a destination as a data engineer does. Prints one JSON object.

usage: file_reader.py FOLDER EXTENSION
"""

import glob
import json
import sys

import duckdb
import pandas

folder, extension = sys.argv[1:3]
files = sorted(glob.glob(f"{folder}/**/*.{extension}", recursive=True))
read = pandas.read_parquet if extension == "parquet" else pandas.read_csv
frame = pandas.concat([read(file) for file in files], ignore_index=True)
pattern = f"{folder}/**/*.{extension}"
table = f"read_{'parquet' if extension == 'parquet' else 'csv'}('{pattern}')"
duck = duckdb.sql(
    f"select count(*), count(value), sum(value), min(time)::varchar < max(time)::varchar,"
    f" count(distinct (path, time, seq)) from {table}"
).fetchone()
print(json.dumps({
    "files": len(files),
    "rows": len(frame),
    "keys": len(frame.drop_duplicates(["path", "time", "seq"])),
    "sum": float(frame["value"].sum()),
    "null": int(frame["value"].isna().sum()),
    "texts": sorted(set(frame["value_text"].dropna())),
    "qualities": sorted(set(frame["quality"])),
    "duck": [duck[0], duck[1], float(duck[2]), duck[4]],
}))
