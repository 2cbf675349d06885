"""What a destination says that it sends (/api/destinations/NAME/schema), held against what arrived: JSON by jsonschema, Avro by
fastavro, Protocol Buffers by protoc and Google's own runtime. `Unkept` says what does not fit.
"""

import importlib
import io
import json
import pathlib
import re
import sys
import tempfile

import fastavro
import jsonschema
from grpc_tools import protoc


class Unkept(Exception):
    pass


def check(kept, why):
    if not kept:
        raise Unkept(why)


def fits(pattern, text):
    """Whether a text can be of a pattern with {words} in it."""
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(pattern)), text, re.DOTALL)


def compiled(schema, known={}):
    """The module that protoc makes of a .proto file."""
    if schema not in known:
        made = tempfile.mkdtemp()
        name = f"told{len(known)}"
        pathlib.Path(made, f"{name}.proto").write_text(schema)
        assert protoc.main(["protoc", f"-I{made}", f"--python_out={made}", f"{name}.proto"]) == 0
        sys.path.insert(0, made)
        known[schema] = importlib.import_module(f"{name}_pb2")
    return known[schema]


def protobuf(schema, payload):
    module = compiled(schema)
    if hasattr(module, "Sample"):
        sample = module.Sample.FromString(payload)
        which = sample.WhichOneof("value")
        return {"path": sample.path, "time": sample.time, "seq": sample.seq, "quality": sample.quality, "unit": sample.unit,
                "historical": sample.historical, "value": getattr(sample, which) if which else None}
    read = module.Payload.FromString(payload)
    return {metric.name: None if metric.is_null else getattr(metric, metric.WhichOneof("value")) for metric in read.metrics}


def avro(schema, payload):
    parsed = fastavro.parse_schema(json.loads(schema))
    mark = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(json.loads(schema)), "CRC-64-AVRO")
    check(payload[:10].hex() == "c301" + mark, (payload[:10].hex(), mark))
    rest = io.BytesIO(payload[10:])
    record = fastavro.schemaless_reader(rest, parsed)
    check(not rest.read(), "bytes behind the record")
    return record


def validator(schema, known={}):
    if schema not in known:
        jsonschema.Draft202012Validator.check_schema(json.loads(schema))
        known[schema] = jsonschema.Draft202012Validator(json.loads(schema))
    return known[schema]


def value(told, payload):
    """A payload (bytes), read by the schema of its message and nothing else."""
    match told["language"]:
        case "json-schema":
            read = json.loads(payload)
            wrong = next(validator(told["schema"]).iter_errors(read), None)
            check(wrong is None, f"{payload!r} does not keep its schema: {wrong}")
            return read
        case "avro":
            return avro(told["schema"], payload)
        case "protobuf":
            return protobuf(told["schema"], payload)
        case "text":
            check(fits(told["schema"], payload.decode()), f"{payload!r} is not of {told['schema']!r}")
            return payload.decode()
        case other:
            raise Unkept(f"a schema in {other}")


def only(meant, what):
    """The one message of a contract that can be meant."""
    check(len(meant) == 1, f"{len(meant)} schemas for {what}")
    return meant[0]
