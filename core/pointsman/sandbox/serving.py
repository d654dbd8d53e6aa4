"""Listens for a sandbox: finds the endpoint, applies faults around it, writes the ledger."""

from typing import TYPE_CHECKING, assert_never
from urllib.parse import unquote

import msgspec
from aiohttp import web

from pointsman.sandbox import answering
from pointsman.sandbox.call import Call, Endpoint, Reply
from pointsman.sandbox.control import PREFIX, answer_control
from pointsman.sandbox.faults import Action, FaultRule
from pointsman.sandbox.ledger import SandboxRequest
from pointsman.sandbox.params import Params
from pointsman.sandbox.routes import Match, Routes

if TYPE_CHECKING:
    from pointsman.sandbox.base import Sandbox

NOTED_HEADERS = ("content-type", "user-agent", "x-api-key", "authorization", "accept")
SHUTDOWN_SECONDS = 0.05
"""How long requests that hang may go on when the sandbox closes; aiohttp takes this twice."""

_ABOUT_THE_ANSWER = frozenset({Action.DELAY, Action.TRUNCATE, Action.SLOW, Action.QUIRK})
"""Faults that leave the effect of a request alone."""
_NEVER_SENT = Reply(500, b"")


class Listener:
    """The socket of one sandbox and what happens to a request that comes in.

    aiohttp's low-level server, not an application with a router: a sandbox must not be the bottleneck of a benchmark.
    """

    def __init__(self, sandbox: "Sandbox", routes: Routes) -> None:
        self._sandbox = sandbox
        self._routes = routes
        self._runner: web.ServerRunner | None = None
        self._address: tuple[str, int] | None = None
        self.in_flight = 0
        """Requests that are being served now, those that hang included."""

    @property
    def origin(self) -> str:
        """Scheme, host and port. Raises `RuntimeError` before the first start."""
        if self._address is None:
            raise RuntimeError(f"sandbox {self._sandbox.name} has not been started")
        host, port = self._address
        return f"http://{host}:{port}"

    async def start(self, host: str, port: int) -> None:
        """Open the socket."""
        if self._runner is not None:
            raise RuntimeError(f"sandbox {self._sandbox.name} is already running at {self.origin}")
        runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._address = (host, runner.addresses[0][1])

    async def close(self) -> None:
        """Close the socket and all connections."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.in_flight += 1
        try:
            return await self._route(request)
        finally:
            self.in_flight -= 1

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, query = request.raw_path.partition("?")
        if raw_path.startswith(PREFIX):
            reply = await answer_control(
                self._sandbox, request.method, raw_path[len(PREFIX) :], query, await request.read()
            )
            return answering.whole(reply)
        try:
            body = await request.read() if request.body_exists else b""
        except ConnectionError:  # the client left in the middle of its request: the provider never got one
            return answering.drop(request)
        found = self._routes.find(request.method, unquote(raw_path))
        call, record = self._arrived(request, raw_path, query, body, found)
        if isinstance(found, int):
            record.status = found
            return answering.whole(self._sandbox.unrouted(found))
        record.fault = rule = self._sandbox.faults.take(found.endpoint.name)
        if rule is not None:
            return await self._strike(request, call, found.endpoint, rule, record)
        reply = await found.endpoint.handler(call)
        record.status = reply.status
        return answering.whole(reply)

    def _arrived(
        self, request: web.BaseRequest, raw_path: str, query: str, body: bytes, found: Match | int
    ) -> tuple[Call, SandboxRequest]:
        known = None if isinstance(found, int) else found
        pairs = self._sandbox.read_params(
            query.encode("utf-8", "surrogateescape"), body, request.headers.get("Content-Type", "")
        )
        params = Params([*known.variables, *pairs] if known is not None and known.variables else pairs)
        call = Call(
            endpoint=known.endpoint.name if known is not None else "",
            method=request.method,
            path=known.path if known is not None else raw_path,
            params=params,
            headers=request.headers,
            body=body,
            number=self._sandbox.ledger.arrivals + 1,
            at=self._sandbox.clock.now(),
        )
        light = self._sandbox.ledger.light
        record = SandboxRequest(
            number=call.number,
            endpoint=call.endpoint,
            method=call.method,
            path=raw_path,
            params=() if light else params.pairs,
            headers={} if light else {name: call.headers[name] for name in NOTED_HEADERS if name in call.headers},
            body="" if light else body.decode("utf-8", "replace"),
            at=call.at,
        )
        self._sandbox.ledger.arrived(record)
        return call, record

    async def _strike(
        self, request: web.BaseRequest, call: Call, endpoint: Endpoint, rule: FaultRule, record: SandboxRequest
    ) -> web.StreamResponse:
        """Serve a request that a fault strikes."""
        if rule.action is Action.QUIRK:
            call.quirk = rule.code
        if rule.action is Action.DELAY and not rule.accepted:
            await self._sandbox.clock.sleep(rule.delay)
            call.at = self._sandbox.clock.now()
        goes_through = rule.action in _ABOUT_THE_ANSWER or rule.accepted
        reply = await endpoint.handler(call) if goes_through else _NEVER_SENT
        if rule.action is Action.DELAY and rule.accepted:
            await self._sandbox.clock.sleep(rule.delay)
        match rule.action:
            case Action.HANG:
                return await answering.hang(request)
            case Action.CLOSE:
                return answering.drop(request)
            case Action.ANSWER:
                reply = Reply(rule.status or 200, rule.body.encode(), headers=rule.headers)
            case Action.ERROR:
                reply = self._sandbox.error_reply(call, rule.code, rule.body)
                reply = msgspec.structs.replace(reply, status=rule.status or reply.status)
            case Action.TRUNCATE:
                record.status = reply.status
                return await answering.truncated(request, reply, rule.size)
            case Action.SLOW:
                record.status = reply.status
                return await answering.dripped(request, reply, rule.size, rule.delay, self._sandbox.clock)
            case Action.DELAY | Action.QUIRK:
                pass
            case _:
                assert_never(rule.action)
        record.status = reply.status
        return answering.whole(reply)
