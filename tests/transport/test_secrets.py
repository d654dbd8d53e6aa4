"""No secret and no address leaves by another door than the wire."""

import asyncio
import gc
import logging
import socket

import pytest

from pointsman.plugin.wire import Form, Multipart, Request
from pointsman.secret import Secret
from pointsman.transport import Failure
from pointsman.transport.encoding import BaseUrl, encode

CANARY = "hunter2-canary"
SECRET = Secret(CANARY)
NUMBER = "79161234567"


def requests() -> list[Request]:
    """Requests with a secret and a number in every place where one can be."""
    common = {"headers": (("Authorization", SECRET),), "query": (("apikey", SECRET), ("to", NUMBER))}
    return [
        Request(method="GET", path=f"/{NUMBER}", **common),
        Request(method="POST", path="/send", body=Form((("password", SECRET),)), **common),
        Request(method="PUT", path="/send", body=Multipart((("password", SECRET),)), **common),
        # Larger than a socket's buffer: the server is gone while the body is still being written.
        Request(method="POST", path="/send", body=Form((("password", SECRET), ("text", "x" * 900_000))), **common),
        Request(method="GET", path="/send", headers=(("X-Key", Secret(CANARY + "\r\n")),)),
    ]


async def hang(server, writer):
    """Say nothing, for ever."""
    await asyncio.Event().wait()


async def echo(server, writer):
    """Give the address of the request back where the status should be."""
    writer.write(b"HTTP/1.1 " + server.requests[-1].split(b" ")[1] + b"\r\n\r\n")
    writer.close()


@pytest.fixture
async def base_urls(serve, answering):
    """Addresses of servers that fail in every way."""
    with socket.create_server(("127.0.0.1", 0)) as closed, socket.create_server(("127.0.0.1", 0)) as silent:
        refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        scripts = [None, hang, echo, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"]
        servers = [await serve(script) for script in scripts]
        yield [
            refusing,
            f"https://127.0.0.1:{silent.getsockname()[1]}",
            "http://192.0.2.1",
            *(server.url for server in servers),
        ]


async def test_failures_tell_no_secret(base_urls, connect, caplog):
    """Whatever goes wrong, neither the failure nor any log line, debug ones included, shows a secret or a number."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    results = []
    for url in base_urls:
        transport = await connect(url, connect_timeout=0.1, read_timeout=0.1, max_body=1000, only_loopback=True)
        results += [(await transport.exchange(request)).result for request in requests()]
    gc.collect()
    await asyncio.sleep(0)

    assert [result for result in results if not isinstance(result, Failure)] == []
    assert [result for result in results if CANARY in repr(result) or NUMBER in repr(result)] == []
    assert CANARY not in caplog.text
    assert NUMBER not in caplog.text


def test_an_encoded_request_shows_nothing():
    """The one value that holds revealed secrets does not print them."""
    encoded = encode(requests()[1], BaseUrl("http://127.0.0.1"))

    assert CANARY in str(encoded.url)
    assert CANARY not in repr(encoded)
