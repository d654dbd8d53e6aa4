"""A request is written at most once, and an answer belongs to the request that asked for it."""

import asyncio
import contextlib
import socket
import threading
import time

import aiohttp
import pytest

from pointsman.plugin.wire import Request, Response
from pointsman.transport import Failure, FailureReason

METHODS = ["GET", "PUT", "DELETE", "POST"]


@pytest.mark.trap("X04")
@pytest.mark.parametrize("method", METHODS)
async def test_a_fresh_connection_that_breaks_is_not_tried_again(serve, connect, method):
    """A server that reads the request and hangs up has seen it exactly once, whatever the method."""
    server = await serve(None)
    transport = await connect(server.url)

    exchange = await transport.exchange(Request(method=method, path="/send"))

    assert len(server.requests) == 1
    assert exchange.result == Failure(
        reason=FailureReason.DISCONNECTED, left=True, detail="the connection broke before the answer was complete"
    )


@pytest.mark.parametrize("method", METHODS)
async def test_a_kept_connection_that_breaks_is_not_tried_again(serve, connect, answering, method):
    """The same on a connection that has carried another request before."""
    server = await serve(answering(), None)
    transport = await connect(server.url)

    first = await transport.exchange(Request(method="GET", path="/first"))
    second = await transport.exchange(Request(method=method, path="/second"))

    assert isinstance(first.result, Response)
    assert isinstance(second.result, Failure)
    assert second.left
    assert server.connections == 1
    assert len(server.requests) == 2


async def test_bare_aiohttp_would_have_sent_it_twice(serve):
    """The danger is real: without our middleware the same server sees the same GET two times."""
    server = await serve(None)

    async with aiohttp.ClientSession() as session:
        with contextlib.suppress(aiohttp.ClientError):
            await session.get(server.url)

    assert len(server.requests) == 2


async def test_a_reset_connection_is_not_tried_again(serve, connect):
    """A reset after the request was read counts as disconnected, and nothing is repeated."""

    async def reset(_, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    server = await serve(reset)
    transport = await connect(server.url)

    exchange = await transport.exchange(Request(method="GET", path="/send"))

    assert len(server.requests) == 1
    assert exchange.result.reason is FailureReason.DISCONNECTED


async def test_a_second_answer_is_not_given_to_the_next_request(serve, connect, answering):
    """What arrives on an idle connection is nobody's answer: the next request goes out on another connection."""
    late = asyncio.Event()

    async def answers_twice(_, writer):
        writer.write(answering(b"first"))
        await late.wait()
        writer.write(answering(b"nobody asked"))

    server = await serve(answers_twice, answering(b"second"))
    transport = await connect(server.url)

    first = await transport.exchange(Request(method="POST", path="/first"))
    late.set()
    await asyncio.sleep(0.05)
    second = await transport.exchange(Request(method="POST", path="/second"))

    assert (first.result.body, second.result.body) == (b"first", b"second")
    assert (len(server.requests), server.connections) == (2, 2)


async def test_an_answer_that_the_loop_has_not_read_yet_is_not_given_to_the_next_request(connect, answering):
    """The same when the stray bytes lie in the system's buffer at the moment of the next request."""
    listener = socket.create_server(("127.0.0.1", 0))
    served: list[bytes] = []
    stray = threading.Event()

    def server() -> None:
        with listener:
            one, _ = listener.accept()
            served.append(one.recv(65536))
            one.sendall(answering(b"first"))
            stray.wait()
            one.sendall(answering(b"nobody asked"))
            two, _ = listener.accept()
            served.append(two.recv(65536))
            two.sendall(answering(b"second"))
            one.close()
            two.close()

    thread = threading.Thread(target=server)
    thread.start()
    transport = await connect(f"http://127.0.0.1:{listener.getsockname()[1]}")

    first = await transport.exchange(Request(method="POST", path="/first"))
    stray.set()
    time.sleep(0.05)  # noqa: ASYNC251 - blocks the loop on purpose: it must not see the stray bytes before we do
    second = await transport.exchange(Request(method="POST", path="/second"))
    thread.join()

    assert (first.result.body, second.result.body) == (b"first", b"second")
    assert len(served) == 2


async def test_an_aiohttp_that_would_not_tell_is_refused(connect, monkeypatch):
    """If requests could leave unnoticed, nothing is sent at all."""
    monkeypatch.delattr(aiohttp.ClientRequest, "send")

    with pytest.raises(RuntimeError, match=r"install aiohttp>=3\.14,<4"):
        await connect("http://127.0.0.1:9")
