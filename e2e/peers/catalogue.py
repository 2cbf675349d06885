"""The questions of `clients.sql` to Ironbridge and to PostgreSQL itself, which is given tables with the same columns; prints
where the answers differ. Words: connection string of Ironbridge, of an empty PostgreSQL as its administrator `ironbridge`,
path of `clients.sql`."""

import json
import sys

import psycopg

dsn, server, questions = sys.argv[1:]
# Types of texts and of numbers that PostgreSQL tells apart and a client of it need not.
TEXTS, NUMBERS = {18, 19, 25, 705, 1042, 1043, 2275, 2206, 24, 194}, {20, 21, 23, 26, 700, 701, 1700, 2205}
OID = 26


def connect(**words):
    return psycopg.connect(psycopg.conninfo.make_conninfo(server, **words), autocommit=True)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def tables(ours, owner):
    """Tables and views with the columns that ours say."""
    all_tables = ours.execute(
        "select table_schema, table_name, table_type from information_schema.tables "
        "where table_schema in ('public', 'lake') order by 1, 2"
    ).fetchall()
    for schema, table, kind in all_tables:
        columns = ours.execute(
            "select column_name, data_type, is_nullable from information_schema.columns "
            "where table_schema = %s and table_name = %s order by ordinal_position",
            (schema, table),
        ).fetchall()
        name = f'{schema}."{table}"'
        if kind == "VIEW":
            cells = ", ".join(f'null::{of} as "{column}"' for column, of, _ in columns)
            owner.execute(f"create view {name} as select {cells}")
        else:
            cells = ", ".join(f'"{column}" {of}{" not null" if null == "NO" else ""}' for column, of, null in columns)
            owner.execute(f"create table {name} ({cells})")
        owner.execute(f"grant select on {name} to public")
        text = ours.execute("select obj_description((%s)::regclass, 'pg_class')", (f"{schema}.{table}",)).fetchone()[0]
        owner.execute(f"comment on {'view' if kind == 'VIEW' else 'table'} {name} is {quoted(text)}")


def functions(ours, owner):
    """Functions that take and give what ours say; they do nothing. What an aggregate is made of must stand in some schema,
    and `information_schema` is asked for its functions by nobody."""
    for name, arguments, result, kind, text in ours.execute(
        "select proname, pg_get_function_arguments(oid), pg_get_function_result(oid), prokind, obj_description(oid, 'pg_proc') "
        "from pg_proc where pronamespace = 2200 order by 1"
    ).fetchall():
        if kind == "a":
            types = ", ".join(part.split(" ", 1)[1] for part in arguments.split(", "))
            step = f"information_schema.{name}_step"
            owner.execute(f"create function {step}({result}, {types}) returns {result} language sql as 'select $1'")
            owner.execute(f"create aggregate public.{name}({arguments}) (sfunc = {step}, stype = {result})")
        else:
            casts = [part.split(" ", 1)[1] for part in result[6:-1].split(", ")] if result.startswith("TABLE") else [result]
            body = "select " + ", ".join(f"null::{cast}" for cast in casts)
            owner.execute(f"create function public.{name}({arguments}) returns {result} language sql as $${body}$$")
        if text:
            kind = "aggregate" if kind == "a" else "function"
            owner.execute(f"comment on {kind} public.{name}({arguments}) is {quoted(text)}")


def alike(ours):
    """A database with the same tables, views and functions, as the same user sees it."""
    user = ours.info.user
    with connect(dbname="postgres") as admin:
        admin.execute(f"create role \"{user}\" login password 'asks'")
        admin.execute("create database ironbridge owner ironbridge")
        admin.execute("drop database plant")
        admin.execute("revoke temporary on database ironbridge from public")
    with connect(dbname="ironbridge") as owner:
        owner.execute("alter schema public owner to ironbridge")
        owner.execute("create schema lake")
        owner.execute("grant usage on schema lake to public")
        tables(ours, owner)
        functions(ours, owner)
    return connect(dbname="ironbridge", user=user, password="asks")


def plain(value, kind, column):
    if isinstance(value, bool) or value is None:
        return value
    if kind == OID and not (column == "atttypid" and int(value) < 10_000):
        return "a number"
    if kind in NUMBERS:
        return float(value)
    return value if isinstance(value, (str, list)) else str(value)


def answer(connection, sql):
    cursor = connection.execute(sql)
    return [(c.name, c.type_code) for c in cursor.description], cursor.fetchall()


def compare(sql, mark, ours, theirs):
    left, left_rows = answer(ours, sql)
    right, right_rows = answer(theirs, sql)
    without = mark.removeprefix("without ").split() if mark.startswith("without") else []
    if [name for name, _ in left] != [name for name, _ in right]:
        return f"columns {left} and {right}"
    kept = [at for at, (name, _) in enumerate(left) if name not in without]
    for at in kept:
        (name, one), (_, other) = left[at], right[at]
        same = one == other or {one, other} <= TEXTS or {one, other} <= NUMBERS
        if not same and right_rows and left_rows:
            return f"column {name} has type {one} and {other}"

    def rows(all_rows):
        kinds = [OID if OID in (left[at][1], right[at][1]) else right[at][1] for at in range(len(left))]
        return sorted((tuple(plain(row[at], kinds[at], left[at][0]) for at in kept) for row in all_rows), key=repr)

    mine, other = rows(left_rows), rows(right_rows)
    if mine == other:
        return None
    return {
        "only Ironbridge": [repr(r) for r in mine if r not in other][:8],
        "only PostgreSQL": [repr(r) for r in other if r not in mine][:8],
        "rows": [len(mine), len(other)],
    }


ours = psycopg.connect(dsn, autocommit=True)
theirs = alike(ours)
wrong, asked = {}, 0
with open(questions) as file:
    parts = file.read().split("\n\n-- ")[1:]
for part in parts:
    head, sql = part.split("\n", 1)
    title, mark = head.rstrip("]").rsplit(" [", 1)
    if mark != "same" and not mark.startswith("without"):
        continue
    asked += 1
    try:
        difference = compare(sql, mark, ours, theirs)
    except psycopg.Error as error:
        difference = f"{type(error).__name__}: {error}"
    if difference:
        wrong[title] = difference
print(json.dumps({"asked": asked, "wrong": wrong}, indent=1))
