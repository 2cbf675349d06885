"""Holds what real far sides have against the contracts of the destinations that brought it. usage: contract_far.py PLAN

PLAN is a JSON file, {NAME: {"far": one of the functions below, "contract": the answer of /api/destinations/NAME/schema, ...}}. Each far
side is read with its own tools, by what the contract says and nothing else. Prints how much of what it saw, {NAME: {WORD: COUNT}};
ends with 1 and the reason where something does not fit.
"""

import asyncio
import collections
import csv
import glob
import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

import confluent_kafka
import duckdb
import nats
import psycopg
from line_protocol_parser import parse_line

from contract import Unkept, check, fits, only, value

SEEN = collections.Counter


def seen(of, read):
    """What one message shows: that it came, and whether something Bad or a text stands in it."""
    counts = SEEN({of: 1})
    if isinstance(read, dict):
        qualities = [read.get("quality", read.get("ok", "")), *read.get("_quality", {}).values()]
        counts["bad"] += any(str(quality).startswith("Bad") for quality in qualities)
        counts["text"] += any(cell == "IRON" for cell in read.values())
    return counts


def rows(path):
    path = pathlib.Path(path)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def postgres(far, contract):
    (told,) = contract["messages"]
    schema = told["place"].removeprefix("schema ")
    with psycopg.connect(far["dsn"], autocommit=True) as db:
        # What the contract says makes the tables that are there.
        db.execute("drop schema if exists told cascade")
        db.execute(re.sub(rf"\b{schema}\b", "told", told["schema"]))
        for what in (
            "select table_name, column_name, ordinal_position, data_type, is_nullable, is_identity"
            " from information_schema.columns where table_schema = %s order by 1, 3",
            "select conrelid::regclass, pg_get_constraintdef(oid) from pg_constraint where connamespace = %s::regnamespace order by 1, 2",
            "select indexdef from pg_indexes where schemaname = %s order by 1",
            "select viewname, definition from pg_views where schemaname = %s order by 1",
        ):
            there = [str(row).replace(f"{schema}.", "") for row in db.execute(what, [schema])]
            made = [str(row).replace("told.", "") for row in db.execute(what, ["told"])]
            check(there == made, f"there: {there}\ntold: {made}")
        keys = [row[0].replace('"', "") for row in db.execute(
            "select conrelid::regclass || ': ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'told'::regnamespace")]
        for key in told["key"].split("; "):
            table, columns = key.split(": ")
            check(any(f".{table}" in one and f"PRIMARY KEY ({columns})" in one for one in keys), f"{key} is no key: {keys}")
        db.execute(f"set search_path = {schema}")
        one = lambda sql: db.execute(sql).fetchone()[0]
        bad = "status >= 2147483648"
        valued = f"{bad} and (value is not null or value_int is not null or value_text is not null)"
        check(one(f"select count(*) from samples where {valued}") == 0, "a Bad sample with a value")
        return SEEN(sample=one("select count(*) from samples"), bad=one(f"select count(*) from samples where {bad}"),
                    text=one("select count(*) from samples where value_text = 'IRON'"), event=one("select count(*) from events"))


def iceberg(far, contract):
    counts = SEEN()
    for told in contract["messages"]:
        table = told["place"].removeprefix("table ")
        words = [far["python"], pathlib.Path(__file__).with_name("contract_iceberg.py"), f"{far['folder']}/{table}", told["key"]]
        done = subprocess.run(words, input=told["schema"], capture_output=True, text=True)
        check(done.returncode == 0, f"{table}: {done.stderr}")
        for word, count in json.loads(done.stdout).items():
            counts[told["of"] if word == "rows" else word] += count
    return counts


def line_told(contract):
    """Measurement, tags, and fields with their types, as the contract of the line protocol says."""
    (told,) = contract["messages"]
    head, fields, _ = told["schema"].strip().split(" ")
    measurement, *tags = [part.split("=")[0] for part in head.split(",")]
    kinds = {"DOUBLE": float, "INTEGERi": int, "BOOLEAN": bool}
    kinds = {name: kinds.get(kind, str) for name, kind in (field.split("=") for field in fields.split(","))}
    check(told["place"] == f"measurement {measurement}", told["place"])
    return measurement, set(tags), kinds


def influxdb(far, contract):
    """What InfluxDB says of its own tables, and the rows there."""
    measurement, tags, kinds = line_told(contract)

    def ask(query):
        answer = json.load(urllib.request.urlopen(far["url"] + "&q=" + urllib.request.quote(query)))
        return [series for result in answer["results"] for series in result.get("series", [])]

    if not (there := ask(f"show field keys from {measurement}")):
        return SEEN()
    words = {float: "float", int: "integer", bool: "boolean", str: "string"}
    for name, kind in there[0]["values"]:
        check(kind == words.get(kinds.get(name)), f"the field {name} is {kind}, told was {kinds}")
    has = {row[0] for row in ask(f"show tag keys from {measurement}")[0]["values"]}
    check(has <= tags, f"{has} is not {tags}")
    (series,) = ask(f"select * from {measurement}")
    counts = SEEN(has) + SEEN(name for name, _ in there[0]["values"])
    for row in series["values"]:
        read = dict(zip(series["columns"], row))
        bad = read["quality"].startswith("Bad")
        check(not bad or [read[name] for name in ("value", "value_int", "value_text")] == [None] * 3, f"a Bad sample with a value: {read}")
        counts += seen("sample", read)
    return counts


def lines(far, contract):
    """InfluxDB line protocol, as a web server got it."""
    measurement, tags, kinds = line_told(contract)
    counts = SEEN()
    for request in rows(far["requests"]):
        for line in request["body"].splitlines() if request["path"].startswith(far["path"]) else []:
            read = parse_line(line)
            check(read["measurement"] == measurement and {"path"} <= set(read["tags"]) <= tags, line)
            check(all(type(cell) is kinds.get(name) for name, cell in read["fields"].items()), f"{line} is not of {kinds}")
            missing = [name for name in kinds if name not in read["fields"]]
            bad = read["fields"]["quality"].startswith("Bad")
            check(set(missing) <= {"value", "value_int", "value_text"} and (not bad or len(missing) == 3), f"{line} lacks {missing}")
            counts += seen("sample", {**read["fields"], "value": read["fields"].get("value_text")})
            counts.update(read["fields"].keys())
    return counts


def victoria(far, contract):
    """What VictoriaMetrics made of it: series named after measurement and field; of texts it only keeps that they came."""
    measurement, tags, kinds = line_told(contract)
    names = {f"{measurement}_{name}" for name in kinds}
    ask = urllib.request.urlopen(far["url"] + "/api/v1/export?match[]=" + urllib.request.quote('{__name__!=""}'))
    counts = SEEN()
    for line in ask.read().decode().splitlines():
        series = json.loads(line)
        labels = dict(series["metric"])
        name = labels.pop("__name__")
        check(name in names and set(labels) <= tags, f"{series['metric']} is not of {names} with {tags}")
        counts[name.removeprefix(measurement + "_")] += len(series["timestamps"])
        counts["bad"] += sum(1 for cell in series["values"] if name.endswith("_status") and cell >= 1 << 31)
    return counts


def written(far, contract):
    """The one message of a files' contract, and the whole files that it means."""
    (told,) = contract["messages"]
    name = re.sub("BEGIN|FIRST|LAST|YYYY|MM|DD", "*", told["place"].removeprefix("file "))
    return told, sorted(glob.glob(f"{far['folder']}/{name}"))


def of_table(told, table, columns):
    """Counts of a table of samples whose columns are sound."""
    count = lambda where: duckdb.sql(f"select count(*) from {table} where {where}").fetchone()[0]
    values = "(value is not null or value_int is not null or value_text is not null)"
    check(count(f"quality like 'Bad%' and {values}") == 0, "a Bad sample with a value")
    key = told["key"]
    check(set(key.split(", ")) <= set(columns), f"{key} of {columns}")
    twice = duckdb.sql(f"select {key}, count(*) as n from {table} group by {key} having n > 1").fetchall()
    check(not twice, f"the key stands there twice: {twice[:3]}")
    return SEEN(sample=count("true"), bad=count("quality like 'Bad%'"), text=count("value_text = 'IRON'"))


def comma(far, contract):
    told, files = written(far, contract)
    kinds = {"text": "VARCHAR", "time": "TIMESTAMP_NS", "integer": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
    told_of = re.findall(r"^(\w+) +(\w+)  +\w", told["schema"], re.MULTILINE)
    columns = {name: kinds[kind] for name, kind in told_of}
    for file in files:
        with open(file, newline="") as text:
            head = next(csv.reader(text))
        check(head == list(columns) and ",".join(head) in told["schema"], f"{file}: {head}")
    if not files:
        return SEEN()
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    table = f"read_csv({files}, header=true, auto_detect=false, delim=',', quote='\"', nullstr='', columns={{{typed}}})"
    return of_table(told, table, columns)


def parquet(far, contract):
    told, files = written(far, contract)
    # As Parquet's own tools print a message type, e.g. "  REQUIRED INT64 time (TIMESTAMP(NANOS,true));".
    columns = re.findall(r"^ +(\w+) (\w+) (\w+)(?: \((.+)\))?;$", told["schema"], re.MULTILINE)
    check(len(columns) > 5, told["schema"])
    words = {"STRING": "StringType", "TIMESTAMP": "TimestampType", "": "None"}
    for file in files:
        ask = f"select repetition_type, type, name, logical_type from parquet_schema('{file}') where num_children is null"
        there = duckdb.sql(ask).fetchall()
        logical = lambda text: words[re.sub(r"\(.*", "", text)]
        made = [(how, kind, name) for how, kind, name, _ in columns]
        check([row[:3] for row in there] == made, f"{file} has {there}, told was {columns}")
        for (*_, name, of), row in zip(columns, there):
            check(str(row[3]).startswith(logical(of)), f"{file}: {name} is {row[3]}, told was {of}")
    return of_table(told, f"read_parquet({files})", [name for _, _, name, _ in columns]) if files else SEEN()


def keys_told(schema):
    """Attributes that words name: those that are always there, and all."""
    always = re.search(r"attributes ([\w, ]+?)(?:,? and where there is something ([\w, ]+))?[;.]", schema)
    sure = set(always[1].split(", "))
    return sure, sure | set((always[2] or "").split(", ")) - {""}


def attributes(item):
    return {pair["key"]: next(iter(pair["value"].values()), "") for pair in item["attributes"]}


def otlp(far, contract):
    """What the official protocol definitions read out of it."""
    counts = SEEN()
    by = {told["of"]: told["schema"] for told in contract["messages"]}
    for metric in rows(far["folder"] + "/metrics"):
        (point,) = metric["gauge"]["dataPoints"]
        has = attributes(point)
        check(set(has) == keys_told(by["sample"])[0], f"{metric} has not the attributes of {by['sample']}")
        name = "plant." + has["path"].split("/")[-1].lower()
        check("`plant.NAME`" in by["sample"] and metric["name"] == name, metric)
        bad = has["quality"].startswith("Bad")
        check(bad == (point.get("flags") == 1) and bad == (not {"asDouble", "asInt"} & set(point)), metric)
        counts += SEEN(sample=1, bad=bad)
    for record in rows(far["folder"] + "/logs"):
        of = "sample that is text" if record["eventName"] == "plant.text" else "event"
        kind = re.search("event_name `(.+?)`", by[of])[1].replace("KIND", r"\w+")
        always, every = keys_told(by[of])
        has = attributes(record)
        check(re.fullmatch(kind, record["eventName"]) and always <= set(has) <= every, f"{record} is not of {by[of]}")
        check(record["body"]["stringValue"], record)
        counts[of] += 1
    return counts


def syslog(far, contract):
    """As rsyslog took it apart."""
    (told,) = contract["messages"]
    _, _, shape = told["schema"].partition(": ")
    head, data, behind = re.fullmatch(r"<PRI>1 TIME (.+) SIGNATURE \[(.+?)\] (.+)", shape, re.DOTALL).groups()
    identity, *names = [part.split("=")[0] for part in data.split(" ")]
    counts = SEEN()
    for line in pathlib.Path(far["messages"]).read_text().splitlines():
        host, application, structured, message = line.split("\t", 3)
        if f"{host} {application} -" != head:
            continue
        check(structured.startswith(f"[{identity} "), line)
        check(re.findall(r' (\w+)="(?:[^"\\\]]|\\.)*"', structured) == names, f"{structured} has not {names}")
        message = message.strip()
        if behind.startswith("CEF:"):
            fields = re.split(r"(?<!\\)\|", message, maxsplit=7)
            told_of = behind.removesuffix(" (what is empty is left out)").split("|")
            check(len(fields) == len(told_of) and fields[:3] == told_of[:3] and 0 <= int(fields[6]) <= 10, message)
            order = [part.split("=")[0] for part in told_of[7].split(" ")]
            has = re.findall(r"(?:^| )(\w+)(?<!\\)=", fields[7])
            check(has == [key for key in order if key in has], f"{has} is not of {order}")
        elif behind.startswith("{"):
            value({"language": "json-schema", "schema": behind}, message)
        else:
            check(behind == "TITLE. MEANING" and len(message) > 5, message)
        counts["event"] += 1
    return counts


def posted(far, contract):
    """Requests, as a web server got them."""
    counts = SEEN()
    for request in rows(far["requests"]):
        meant = [told for told in contract["messages"] if told["place"] == "POST " + request["path"]]
        if request["path"] != far["path"]:
            continue
        told = only(meant, request["path"])
        check(not told["key"].startswith("header Idempotency-Key") or request["key"], "no key")
        read = value(told, request["body"].encode())
        if isinstance(read, dict) and "samples" in read:
            for of, listed in (("sample", read["samples"]), ("event", read["events"])):
                for one in listed:
                    counts += seen(of, one)
        else:
            counts[told["of"]] += len(read) if isinstance(read, list) else 1
    return counts


def by_place(contract, place, key):
    """The message of a contract that goes to such a place under such a key."""
    exact = [told for told in contract["messages"] if told["place"] == place]
    meant = exact or [told for told in contract["messages"] if fits(told["place"], place)]
    return only([told for told in meant if len(meant) == 1 or fits(told["key"], key)], f"{place} {key}")


def kafka(far, contract):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": far["bootstrap"], "group.id": f"read-{time.monotonic_ns()}", "enable.partition.eof": True,
        "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    known = consumer.list_topics(timeout=20).topics
    mine = [topic for topic in known if any(fits(told["place"], "topic " + topic) for told in contract["messages"])]
    parts = [confluent_kafka.TopicPartition(topic, number, 0) for topic in mine for number in known[topic].partitions]
    consumer.assign(parts)
    counts, ends, deadline = SEEN(), set(), time.monotonic() + 30
    while len(ends) < len(parts) and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            ends.add((message.topic(), message.partition()))
            continue
        key = message.key().decode()
        told = by_place(contract, "topic " + message.topic(), key)
        read = value(told, message.value())
        headers = {name: cell.decode() for name, cell in message.headers()}
        named = re.findall(r"ironbridge-\w+", told["note"])
        check(set(headers) <= set(named) and set(named) - {"ironbridge-historical"} <= set(headers), f"{headers} of {named}")
        if told["of"] == "event":
            check(told["key"] == "id of the event" and key == read["id"], key)
        else:
            check(fits(told["key"], key), f"{key} is not of {told['key']}")
        if isinstance(read, dict) and "seq" in read:
            check(str(read["seq"]) == headers["ironbridge-seq"], f"{read} {headers}")
        check(message.timestamp()[1] == int(headers["ironbridge-time"]) // 1_000_000, f"{message.timestamp()} {headers}")
        counts += seen(told["of"], read)
    consumer.close()
    return counts


async def stream(far, contract):
    connection = await nats.connect(far["url"], connect_timeout=20)
    jetstream = connection.jetstream()
    try:
        there = (await jetstream.stream_info(far["stream"])).state.messages
    except nats.js.errors.NotFoundError:
        there = 0
    if there == 0:
        await connection.close()
        return SEEN()
    subscription = await jetstream.subscribe(">", stream=far["stream"], ordered_consumer=True, pending_bytes_limit=1 << 30)
    counts = SEEN()
    for _ in range(there):
        message = await subscription.next_msg(timeout=20)
        told = by_place(contract, "subject " + message.subject, "")
        header, _, pattern = told["key"].removeprefix("header ").partition(": ")
        words = re.sub(r"[A-Z]+(?=[.@])", lambda word: "{" + word[0] + "}", pattern.split("@")[0] + "@")
        check(fits(words + pattern.split("@")[1], message.headers[header]), f"{message.headers[header]} is not of {pattern}")
        counts += seen(told["of"], value(told, message.data))
    await connection.close()
    return counts


FAR = {"postgres": postgres, "iceberg": iceberg, "influxdb": influxdb, "lines": lines, "victoria": victoria, "csv": comma, "parquet": parquet, "otlp": otlp,
       "syslog": syslog, "posted": posted, "kafka": kafka, "nats": lambda far, contract: asyncio.run(stream(far, contract))}

plan = json.loads(pathlib.Path(sys.argv[1]).read_text())
counts = {}
for name, far in plan.items():
    try:
        counts[name] = FAR[far["far"]](far, far["contract"])
    except Unkept as why:
        sys.exit(f"{name}: {why}")
print(json.dumps(counts))
