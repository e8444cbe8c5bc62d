"""Prints KFP's API as one JSON Schema document, read back from the official generated client.

The client (`kfp_server_api`) is made from KFP's published OpenAPI and says all that we hold the fake
to: every model lists its members, types and JSON names (`openapi_types`, `attribute_map`), every
enumeration its values, every call its method, path, parameters, body and reply. What comes out:
`definitions` by model name, and `calls` with method, path, query, body and reply.
"""

import importlib
import inspect
import json
import pkgutil
import re

import kfp_server_api
from kfp_server_api import models

PLAIN = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "file": {"type": "string"},
    "object": {},
}


def schema_of(kind):
    if kind in PLAIN:
        return PLAIN[kind]
    if kind.startswith("list["):
        return {"type": "array", "items": schema_of(kind[5:-1])}
    if kind.startswith("dict(str, "):
        return {"type": "object", "additionalProperties": schema_of(kind[10:-1])}
    return {"$ref": f"#/definitions/{kind}"}


def definition_of(model):
    values = getattr(model, "allowable_values", None)
    if values is not None:
        return {"enum": list(values)}
    # google.protobuf.Any carries the members of whatever it holds.
    closed = model.__name__ != "ProtobufAny"
    members = {
        model.attribute_map[name]: schema_of(kind) for name, kind in model.openapi_types.items()
    }
    return {"type": "object", "properties": members, "additionalProperties": not closed}


def call_of(method):
    source = inspect.getsource(method)
    path, verb = re.search(r"call_api\(\s*'([^']+)', '([A-Z]+)'", source).groups()
    reply = re.search(r"response_type=(?:'([^']+)'|None)", source).group(1)
    body = re.search(r"body_params = local_var_params\['(\w+)'\]", source)
    kinds = dict(re.findall(r":type (\w+): ([^\n]+)", inspect.getdoc(method)))
    return {
        "method": verb,
        "path": path,
        "query": re.findall(r"query_params\.append\(\('([^']+)'", source),
        "form": re.findall(r"local_var_files\['([^']+)'\] =", source),
        "body": schema_of(kinds[body.group(1)]) if body else None,
        "reply": schema_of(reply or "object"),
    }


def calls():
    package = importlib.import_module("kfp_server_api.api")
    for module in pkgutil.iter_modules(package.__path__):
        content = importlib.import_module(f"kfp_server_api.api.{module.name}")
        for _, api in inspect.getmembers(content, inspect.isclass):
            if not api.__name__.endswith("Api"):
                continue
            for name, method in inspect.getmembers(api, inspect.isfunction):
                if name.endswith("_with_http_info"):
                    yield call_of(method)


definitions = {
    name: definition_of(model)
    for name, model in inspect.getmembers(models, inspect.isclass)
    if hasattr(model, "openapi_types")
}
print(
    json.dumps(
        {"version": kfp_server_api.__version__, "definitions": definitions, "calls": list(calls())}
    )
)
