"""How an answer leaves, or fails to leave, a sandbox: whole, in drops, broken off, or not at all."""

import asyncio

from aiohttp import web

from pointsman.clock import Clock
from pointsman.sandbox.call import Reply

POLL_INTERVAL = 0.2
"""Seconds between two looks at whether a client that waits for ever is still there. A socket lives in real time."""


def whole(reply: Reply) -> web.Response:
    """Answer normally."""
    headers = {"Content-Type": reply.content_type}
    if reply.headers:
        headers.update(reply.headers)
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def drop(request: web.BaseRequest) -> web.Response:
    """Close the connection; the answer that aiohttp wants to have is never sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def hang(request: web.BaseRequest) -> web.Response:
    """Keep the connection until the client gives up. Closing the sandbox cancels this."""
    while request.transport is not None:  # noqa: ASYNC110 - aiohttp has no event for a client that went away
        await asyncio.sleep(POLL_INTERVAL)
    return web.Response()


async def truncated(request: web.BaseRequest, reply: Reply, size: int) -> web.StreamResponse:
    """Send the head and the first `size` bytes of the body, then close the connection."""
    response = await _begun(request, reply)
    await response.write(reply.body[:size])
    if request.transport is not None:
        request.transport.close()
    return response


async def dripped(request: web.BaseRequest, reply: Reply, size: int, pause: float, clock: Clock) -> web.StreamResponse:
    """Send the body in pieces of `size` bytes with pauses between them, as long as the client is there."""
    response = await _begun(request, reply)
    step = max(size, 1)
    for start in range(0, len(reply.body), step):
        if start:
            await clock.sleep(pause)
        if request.transport is None or request.transport.is_closing():
            break
        await response.write(reply.body[start : start + step])
    return response


async def _begun(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body)), **dict(reply.headers)}
    response = web.StreamResponse(status=reply.status, headers=headers)
    await response.prepare(request)
    return response
