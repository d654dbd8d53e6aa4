"""The OpenAPI 3.1 document of the API, made from the declarations of the endpoints."""

import re
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import msgspec

from pointsman.daemon.asked import MOST_MESSAGES
from pointsman.daemon.endpoint import JSON, Access, Answer, Body, Endpoint
from pointsman.daemon.problems import MEDIA_TYPE, SORTS, Kind, Problem

AnyEndpoint = Endpoint[Any, Any, Any]
Json = dict[str, Any]
"""A part of the document."""
_TEMPLATE = "#/components/schemas/{name}"
_VARIABLE = re.compile(r"\{(\w+)\}")
_DEFAULT_CHANNEL = "SmsRequest"


def document(endpoints: Iterable[AnyEndpoint], version: str | None = None) -> bytes:
    """Return the document as JSON."""
    every = tuple(endpoints)
    kinds = _kinds(every)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_TEMPLATE)
    schema_of = dict(zip(map(repr, kinds), map(_without_mapping, schemas), strict=True))
    _let_the_channel_be_left_out(components)
    paths: Json = {}
    for one in every:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schema_of, components)
    for one in every:  # their fields stand in the parameters
        for struct in (one.variables, one.query):
            components.pop(struct.__name__, None)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Pointsman",
            "version": version or metadata.version("pointsman"),
            "description": "Routes SMS, Viber and HLR lookups over several providers. "
            "Errors are problem documents (RFC 9457) that name the field at fault.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "The key of a client."},
                "management": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key of management; without one, only this machine may manage.",
                },
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(whole, order="deterministic"), indent=1)


def _kinds(endpoints: Iterable[AnyEndpoint]) -> list[Any]:
    """Return every type that the document mentions, once."""
    found: dict[str, Any] = {repr(Problem): Problem}
    for one in endpoints:
        for kind in (one.body_kind, *(answer.kind for answer in one.answers.values())):
            if kind is not None:
                found[repr(kind)] = kind
        for struct in (one.variables, one.query):
            found[repr(struct)] = struct
    return list(found.values())


def _without_mapping(schema: Json) -> Json:
    """Return a union without its discriminator: that would demand a property which may be left out."""
    return {name: value for name, value in schema.items() if name != "discriminator"}


def _let_the_channel_be_left_out(components: Json) -> None:
    sms = components[_DEFAULT_CHANNEL]
    sms["required"] = [name for name in sms["required"] if name != "channel"]
    sms["properties"]["channel"]["default"] = "sms"


def _operation(one: AnyEndpoint, schema_of: dict[str, Json], components: Json) -> Json:
    operation: Json = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.access.value],
        "responses": _responses(one, schema_of),
        "security": _security(one.access),
        "x-listeners": sorted(one.listeners),
    }
    if parameters := [*_path(one, components), *_query(one, components), *_headers(one)]:
        operation["parameters"] = parameters
    if one.body is not Body.NONE:
        operation["requestBody"] = _body(one, schema_of)
    return operation


def _security(access: Access) -> list[Json]:
    match access:
        case Access.OPEN:
            return []
        case Access.CLIENT:
            return [{"key": []}]
        case Access.MANAGEMENT:
            return [{}, {"management": []}]


def _path(one: AnyEndpoint, components: Json) -> list[Json]:
    properties = _properties(one.variables, components)
    return [
        {"name": name, "in": "path", "required": True, "schema": properties[name]}
        for name in _VARIABLE.findall(one.path)
    ]


def _query(one: AnyEndpoint, components: Json) -> list[Json]:
    required = components.get(one.query.__name__, {}).get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in _properties(one.query, components).items()
    ]


def _properties(struct: type[msgspec.Struct], components: Json) -> Json:
    properties: Json = components.get(struct.__name__, {}).get("properties", {})
    return properties


def _headers(one: AnyEndpoint) -> list[Json]:
    return [
        {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}
        for name, words in one.request_headers.items()
    ]


def _body(one: AnyEndpoint, schema_of: dict[str, Json]) -> Json:
    if one.body is Body.RAW:
        return {"required": False, "content": {"*/*": {"schema": {}}}}
    schema = schema_of[repr(one.body_kind)]
    if one.body is Body.MANY:
        items = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_MESSAGES}
        schema = {"anyOf": [*schema.get("anyOf", [schema]), items]}
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _responses(one: AnyEndpoint, schema_of: dict[str, Json]) -> Json:
    found = {str(status): _answer(answer, schema_of) for status, answer in one.answers.items()}
    by_status: dict[int, list[Kind]] = {}
    for kind in sorted(one.all_failures()):
        by_status.setdefault(SORTS[kind].status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        problem = {"schema": schema_of[repr(Problem)]}
        words = "; ".join(SORTS[kind].title for kind in kinds) + "."
        known = found.get(str(status))
        if known is not None:  # one status, two meanings: a probe that says no, and a server that says nothing
            known["content"][MEDIA_TYPE] = problem
            continue
        found[str(status)] = {"description": words, "content": {MEDIA_TYPE: problem}}
    return found


def _answer(answer: Answer, schema_of: dict[str, Json]) -> Json:
    schema = schema_of[repr(answer.kind)] if answer.kind is not None else {}
    shown: Json = {"description": answer.words, "content": {answer.media: {"schema": schema}}}
    if answer.headers:
        shown["headers"] = {
            name: {"description": words, "schema": {"type": "string"}} for name, words in answer.headers.items()
        }
    return shown
