"""One provider's HTTP client: one request in, one `Exchange` out, never a repeat, never an exception.

Places in the pool are given out here, not by aiohttp, whose connect time-out counts the wait for a free connection as
if it were the provider's fault. So are answers timed, because aiohttp's total time-out begins before the connection.
"""

import asyncio
import importlib.metadata
from typing import Self

import aiohttp
from aiohttp.connector import Connection

from pointsman.clock import Clock
from pointsman.plugin.wire import Request, Response
from pointsman.transport.connecting import connector, is_loopback, tls_context
from pointsman.transport.encoding import BaseUrl, Encoded, Preamble, encode
from pointsman.transport.failures import failure_of
from pointsman.transport.once import Line, ask
from pointsman.transport.values import Endpoint, Exchange, Failure, FailureReason, Progress
from pointsman.transport.watching import Watch


class Transport:
    """The connections to one provider. Use it as `async with`, or call `open` and `close`.

    State: the connections, which exist between `open` and `close`, and the places in the pool. Nothing is shared
    between two transports.

    Raises `ValueError` when the endpoint's `base_url` cannot be used. With `only_loopback` every other address is
    refused before its name is looked up.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, *, only_loopback: bool = False) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._base = BaseUrl(endpoint.base_url)
        self._only_loopback = only_loopback
        self._refused = only_loopback and not is_loopback(self._base.host)
        self._preamble = Preamble(self._base, f"pointsman/{importlib.metadata.version('pointsman')}")
        self._connector: aiohttp.TCPConnector | None = None
        self._line: Line | None = None
        self._places = asyncio.Semaphore(endpoint.connections)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Get ready; connects to nobody. Raises `ValueError` when `ca_file` cannot be used."""
        Line.check_support()
        context = await asyncio.to_thread(tls_context, self._endpoint.ca_file) if self._base.is_tls else None
        self._connector = connector(self._endpoint, context, only_loopback=self._only_loopback)
        self._line = Line(self._connector, self._base.origin)

    async def close(self) -> None:
        """Close all connections; requests in flight fail as disconnected."""
        self._line = None
        opened, self._connector = self._connector, None
        if opened is not None:
            await opened.close()

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
        if self._line is None:
            return _not_sent("the transport is not open")
        if self._refused:
            return _not_sent("only loopback addresses may be called here")
        try:
            encoded = encode(request, self._base)
        except ValueError:
            return _not_sent("the request holds characters that HTTP cannot carry")
        connection = await self._line.connect(watch.connect_by)
        try:
            watch.leaving()
            return await self._call(connection, encoded)
        finally:
            # Does nothing where the answer was read to its end.
            connection.close()

    async def _call(self, connection: Connection, encoded: Encoded) -> Response | Failure:
        data = self._preamble.written(encoded)
        message, content = await ask(connection, data, is_bodiless=encoded.method == "HEAD")
        most = self._endpoint.max_body
        body = None if int(message.headers.get("Content-Length", 0)) > most else await _read(content, most)
        if body is None:
            detail = f"the answer is larger than {most} bytes"
            return Failure(reason=FailureReason.TOO_LARGE, left=True, detail=detail)
        connection.release()
        headers = {name.lower(): value for name, value in message.headers.items()}
        return Response(status=message.code, headers=headers, body=body)


async def _read(content: aiohttp.StreamReader, most: int) -> bytes | None:
    """Read an answer to its end; None as soon as it turns out to be longer than `most` bytes."""
    chunks: list[bytes] = []
    size = 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _not_sent(detail: str) -> Failure:
    return Failure(reason=FailureReason.OTHER, left=False, detail=detail)
