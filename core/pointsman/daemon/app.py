"""The application of a listener: every request through the same steps, every failure as a problem document."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from random import Random
from typing import Any

import msgspec
from aiohttp import HttpVersion11, hdrs, web

from pointsman.daemon.admission import address_of, admit
from pointsman.daemon.asked import MOST_MESSAGES, AnyQuery
from pointsman.daemon.bodies import brings_nothing, check_encoding, check_media, read_body
from pointsman.daemon.diary import Diary
from pointsman.daemon.endpoint import Body, Call, Endpoint, Listener, Reply
from pointsman.daemon.house import House
from pointsman.daemon.keys import PREFIX
from pointsman.daemon.operations import MOST_CALLBACK
from pointsman.daemon.problems import MEDIA_TYPE, Failure, Kind, Place, at_field, failure_of
from pointsman.daemon.reading import no_parameters, read_at_once, read_json, read_parameters, shape
from pointsman.errors import PointsmanError, StoreUnavailable
from pointsman.telemetry import LogLevel

REQUEST_ID = "X-Request-Id"
_ID = re.compile(rf"(?!{PREFIX}_)[A-Za-z0-9._-]{{1,64}}")
"""What is fit for the log; a key of a client that stands in the wrong header is not."""
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that are asked all the time; their lines are for debugging."""
_SAFE = (("Server", "pointsman"), ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
_HTTP_KINDS = {404: Kind.NOT_FOUND, 405: Kind.METHOD, 413: Kind.TOO_LARGE}

Aiohttp = Callable[[web.Request], Awaitable[web.StreamResponse]]
_encode = msgspec.json.Encoder().encode
_client: web.RequestKey[str] = web.RequestKey("client", str)
_own_id: web.RequestKey[str] = web.RequestKey("request_id", str)


def build_app(
    house: House, endpoints: Iterable[Endpoint[Any, Any, Any]], listener: Listener, diary: Diary
) -> web.Application:
    """Return the application of one listener."""
    app = web.Application(middlewares=[_outermost(house, diary)], client_max_size=2**40)
    by_path: dict[str, list[Endpoint[Any, Any, Any]]] = {}
    for endpoint in endpoints:
        if listener in endpoint.listeners:
            by_path.setdefault(endpoint.path, []).append(endpoint)
    for path, offered in by_path.items():
        resource = app.router.add_resource(path)
        for endpoint in offered:
            serve = _server(house, endpoint)
            resource.add_route(endpoint.method, serve, expect_handler=_go_on)
            if endpoint.takes_head:
                resource.add_route(hdrs.METH_HEAD, serve, expect_handler=_go_on)
        resource.add_route(hdrs.METH_OPTIONS, _options(offered), expect_handler=_go_on)
    return app


async def _go_on(request: web.Request) -> None:
    """Let a client send its body that asks first. Other expectations may be passed over (RFC 9110, 10.1.1)."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _server(house: House, endpoint: Endpoint[Any, Any, Any]) -> Aiohttp:
    """Return what serves the requests for an endpoint."""

    async def serve(request: web.Request) -> web.StreamResponse:
        if not endpoint.counted:
            return await _served(house, endpoint, request)
        house.gate.enter(house.posture.daemon.max_requests)
        try:
            await house.gate.turn()
            return await _served(house, endpoint, request)
        finally:
            house.gate.leave()

    return serve


async def _served(house: House, endpoint: Endpoint[Any, Any, Any], request: web.Request) -> web.StreamResponse:
    address = address_of(request, house.posture)
    client = admit(house, endpoint, request, address)
    request[_client] = client
    path = _parameters(request.match_info, endpoint.variables, Place.PATH)
    if endpoint.before is not None:
        endpoint.before(house, path, address)
    query = _query(endpoint, request)
    body, source = await _body(house, endpoint, request)
    reply = await endpoint.handler(
        house,
        Call(
            path=path,
            query=query,
            body=body,
            client=client,
            address=address,
            is_many=isinstance(body, tuple),
            source=source,
            request_id=request_id_of(request),
            raw=request,
        ),
    )
    return response_of(reply) if isinstance(reply, Reply) else reply


def _query(endpoint: Endpoint[Any, Any, Any], request: web.Request) -> Any:
    """Return the query; nothing is wrong with one that is somebody else's, such as a name that is there twice."""
    if endpoint.query is AnyQuery:
        return AnyQuery()
    return _parameters(request.query if request.rel_url.raw_query_string else {}, endpoint.query, Place.QUERY)


def _parameters(given: Mapping[str, str], kind: Any, place: Place) -> Any:
    return read_parameters(given.items(), kind, place) if given else no_parameters(kind, place)


async def _body(house: House, endpoint: Endpoint[Any, Any, Any], request: web.Request) -> tuple[Any, bytes]:
    """Return a body as what the endpoint takes, and as it came."""
    rules = house.posture.daemon
    match endpoint.body:
        case Body.NONE:
            return None, b""
        case Body.RAW:
            check_encoding(request)
            return await read_body(request, min(rules.max_body, MOST_CALLBACK), rules.body_timeout), b""
        case Body.JSON | Body.MANY:
            if brings_nothing(request) and not _required(endpoint.body_kind):
                return endpoint.body_kind(), b""
            check_media(request)
            raw = await read_body(request, rules.max_body, rules.body_timeout)
            if not raw and not _required(endpoint.body_kind):
                return endpoint.body_kind(), b""
            return _shaped(endpoint, raw), raw


def _shaped(endpoint: Endpoint[Any, Any, Any], raw: bytes) -> Any:
    body = read_at_once(raw, endpoint.body_kind)  # what is given: where a field is left out, it may have a default
    if body is not None:
        return body
    source = read_json(raw)
    if isinstance(source, list):
        if endpoint.body is not Body.MANY:
            raise Failure(Kind.INVALID, errors=[at_field("", "expected an object, not an array")])
        if not 0 < len(source) <= MOST_MESSAGES:
            problem = f"an array has 1 to {MOST_MESSAGES} items; this one has {len(source)}"
            raise Failure(Kind.INVALID, errors=[at_field("", problem)])
    return shape(source, endpoint.body_kind, endpoint.body_default)


def _required(kind: Any) -> bool:
    return not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)) or any(
        field.required for field in msgspec.structs.fields(kind)
    )


def _options(offered: Iterable[Endpoint[Any, Any, Any]]) -> Aiohttp:
    methods = {hdrs.METH_OPTIONS}
    for endpoint in offered:
        methods |= {endpoint.method, *([hdrs.METH_HEAD] if endpoint.takes_head else [])}
    allow = ", ".join(sorted(methods))

    async def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=204, headers={"Allow": allow})

    return answer


def _outermost(house: House, diary: Diary) -> Any:
    """Return the middleware around everything: nobody is answered but by it."""
    random = Random()

    @web.middleware
    async def outermost(request: web.Request, handler: Aiohttp) -> web.StreamResponse:
        began = house.clock.monotonic()
        _name(request, random)
        try:
            response = await handler(request)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - nobody is shown a traceback
            response = _failed(house, diary, request, error)
        duration = house.clock.monotonic() - began
        if not response.prepared:
            headers = response.headers
            for name, text in _SAFE:
                headers.setdefault(name, text)
            headers[REQUEST_ID] = request_id_of(request)
        _tell(house, diary, request, response, duration)
        return response

    return outermost


def _failed(house: House, diary: Diary, request: web.Request, error: Exception) -> web.StreamResponse:
    failure = _failure(error)
    if failure is None:
        diary.unforeseen("http.failed", error, route=route_of(request), request_id=request_id_of(request))
        failure = Failure(Kind.INTERNAL, "it was logged under this request_id")
    if isinstance(error, StoreUnavailable) and not house.store_refuses:
        house.store_refuses = True
        diary.write(LogLevel.ERROR, "store.refused", detail=str(error))
    body = _encode(failure.document(request_id_of(request)))
    status = failure.document("").status
    headers = failure.answer_headers()
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return web.Response(body=body, status=status, headers=headers, content_type=MEDIA_TYPE)


def _failure(error: Exception) -> Failure | None:
    match error:
        case Failure():
            return error
        case web.HTTPException():
            return Failure(_HTTP_KINDS.get(error.status, Kind.PROTOCOL))
        case PointsmanError():
            return failure_of(error)
        case _:
            return None


def response_of(reply: Reply) -> web.Response:
    """Return what is sent."""
    body = reply.body
    if body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    data = body if isinstance(body, bytes) else _encode(body)
    return web.Response(body=data, status=reply.status, headers={**reply.headers, "Content-Type": reply.media})


def request_id_of(request: web.Request) -> str:
    """Return the id by which a request is found in the log."""
    return request[_own_id]


def _name(request: web.Request, random: Random) -> None:
    """Give a request its id: the caller's if it is fit for that, else a new one, which is no secret."""
    given = request.headers.get(REQUEST_ID, "")
    request[_own_id] = given if _ID.fullmatch(given) else f"{random.getrandbits(64):016x}"


def route_of(request: web.Request) -> str:
    """Return the template of a path, never the path: that may hold a number or a secret."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


def _tell(house: House, diary: Diary, request: web.Request, response: web.StreamResponse, duration: float) -> None:
    route = route_of(request)
    is_stream = not isinstance(response, web.Response)
    house.figures.answered(route, request.method, response.status, None if is_stream else duration)
    fields: Mapping[str, object] = {
        "method": request.method if request.method in hdrs.METH_ALL else "other",
        "route": route,
        "status": response.status,
        "duration_ms": round(duration * 1000, 3),
        "client": request.get(_client) or None,
        "request_id": request_id_of(request),
    }
    diary.write(LogLevel.DEBUG if route in _QUIET else LogLevel.INFO, "http.request", **fields)
