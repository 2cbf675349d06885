"""Holds an Iceberg table against a schema in Iceberg's JSON, by pyiceberg. usage: contract_iceberg.py TABLE_FOLDER KEY < SCHEMA

Prints {"rows": COUNT, "bad": COUNT, "text": COUNT}; ends with 1 and the reason where something does not fit.
"""

import json
import sys

import pyarrow.compute as compute
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.table import StaticTable

folder, key = sys.argv[1:]
told = Schema.model_validate_json(sys.stdin.read())
table = StaticTable.from_metadata(folder)
there = table.schema()
assert told.fields == there.fields, f"there: {there.fields}\ntold: {told.fields}"
rows = table.scan().to_arrow()
for field, of in zip(schema_to_pyarrow(told), told.fields):
    column = rows.column(field.name)
    kinds = [str(kind).removeprefix("large_") for kind in (column.type, field.type)]
    assert kinds[0] == kinds[1], f"{field.name}: {kinds}"
    assert not of.required or column.null_count == 0, f"{field.name} has nulls"
keys = rows.select(key.split(", ")).to_pylist()
assert len({tuple(one.values()) for one in keys}) == len(keys), f"{key} is no key"
counts = {"rows": len(rows)}
if "value_text" in rows.column_names:
    bad = rows.filter(compute.starts_with(rows["quality"], "Bad"))
    for name in ("value", "value_int", "value_text"):
        assert bad[name].null_count == len(bad), f"a Bad row with {name}"
    counts |= {"bad": len(bad), "text": compute.sum(compute.equal(rows["value_text"], "IRON")).as_py() or 0}
print(json.dumps(counts))
