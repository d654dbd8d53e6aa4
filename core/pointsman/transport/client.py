"""One provider's HTTP client: one request in, one `Exchange` out, never a repeat, never an exception.

Places in the pool are given out here, not by aiohttp, whose connect time-out counts the wait for a free connection as
if it were the provider's fault. So are answers timed, because aiohttp's total time-out begins before the connection.
"""

import asyncio
import importlib.metadata
from typing import Self
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler

from pointsman.clock import Clock
from pointsman.plugin.wire import Request, Response
from pointsman.transport.connecting import connector, is_loopback, tls_context
from pointsman.transport.encoding import BaseUrl, Encoded, encode
from pointsman.transport.failures import failure_of
from pointsman.transport.once import Once, WatchedRequest
from pointsman.transport.values import Endpoint, Exchange, Failure, FailureReason, Progress
from pointsman.transport.watching import Watch

_EXACT = float("inf")
"""From how many seconds on aiohttp rounds a time limit up: never."""


class Transport:
    """The connections to one provider. Use it as `async with`, or call `open` and `close`.

    State: the session, which exists between `open` and `close`; the places in the pool; which connections were used.
    Nothing is shared between two transports.

    Raises `ValueError` when the endpoint's `base_url` cannot be used. With `only_loopback` every other address is
    refused before its name is looked up.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, *, only_loopback: bool = False) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._base = BaseUrl(endpoint.base_url)
        self._only_loopback = only_loopback
        self._refused = only_loopback and not is_loopback(self._base.host)
        self._timeout = aiohttp.ClientTimeout(connect=endpoint.connect_timeout, ceil_threshold=_EXACT)
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(endpoint.connections)
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Prepare the session; connects to nobody. Raises `ValueError` when `ca_file` cannot be used."""
        WatchedRequest.check_support()
        context = await asyncio.to_thread(tls_context, self._endpoint.ca_file) if self._base.is_tls else None
        version = importlib.metadata.version("pointsman")
        self._session = aiohttp.ClientSession(
            connector=connector(self._endpoint, context, only_loopback=self._only_loopback),
            request_class=WatchedRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Answers are small: compressing them saves nothing. One that comes compressed anyway is still read.
            headers={"User-Agent": f"pointsman/{version}", "Accept-Encoding": "identity"},
            trust_env=False,
            raise_for_status=False,
        )

    async def close(self) -> None:
        """Close all connections; requests in flight fail as disconnected."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def exchange(
        self,
        request: Request,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - only here is it known which waiting must not count
        progress: Progress | None = None,
    ) -> Exchange:
        """Send a request once and read its answer.

        A redirect is returned as it is and never followed. `timeout` (seconds) limits connection and answer together,
        on top of the endpoint's own limits. Raises nothing but `asyncio.CancelledError`; `progress` then tells whether
        the request had left.
        """
        async with self._places:
            watch = Watch(self._endpoint, self._clock, timeout, progress or Progress())
            try:
                async with watch.limit:
                    result = await self._answer(request, watch)
            except Exception as error:  # noqa: BLE001 - whatever it is called, what counts is whether the request left
                result = failure_of(error, left=watch.progress.left)
            return Exchange(result=result, duration=watch.elapsed(), left=watch.progress.left)

    async def _answer(self, request: Request, watch: Watch) -> Response | Failure:
        if self._session is None:
            return _not_sent("the transport is not open")
        if self._refused:
            return _not_sent("only loopback addresses may be called here")
        try:
            encoded = encode(request, self._base)
        except ValueError:
            return _not_sent("the request holds characters that HTTP cannot carry")
        return await self._call(self._session, encoded, watch)

    async def _call(self, session: aiohttp.ClientSession, encoded: Encoded, watch: Watch) -> Response | Failure:
        async with session.request(
            encoded.method,
            encoded.url,
            headers=encoded.headers,
            data=encoded.body,
            allow_redirects=False,
            timeout=self._timeout
            if watch.connect_by == self._endpoint.connect_timeout
            else aiohttp.ClientTimeout(connect=watch.connect_by, ceil_threshold=_EXACT),
            middlewares=(Once(watch, self._used),),
        ) as answer:
            body = await _read(answer, self._endpoint.max_body)
            if body is None:
                answer.close()
                detail = f"the answer is larger than {self._endpoint.max_body} bytes"
                return Failure(reason=FailureReason.TOO_LARGE, left=True, detail=detail)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(status=answer.status, headers=headers, body=body)


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """Read an answer to its end; None as soon as it turns out to be longer than `most` bytes."""
    if (answer.content_length or 0) > most:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _not_sent(detail: str) -> Failure:
    return Failure(reason=FailureReason.OTHER, left=False, detail=detail)
