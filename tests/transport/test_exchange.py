"""What an exchange returns: answers as they are, and failures that say whether the request had left."""

import asyncio
import gzip
import socket
import ssl

import pytest

from pointsman.clock import SystemClock
from pointsman.plugin.wire import Raw, Request, Response
from pointsman.transport import Endpoint, Failure, FailureReason, Progress, Transport
from pointsman.transport.connecting import tls_context

ASK = Request(method="POST", path="/send", body=Raw(b"x", "text/plain"))
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def hang(server, writer):
    """Say nothing, for ever."""
    await asyncio.Event().wait()


def compressed(body: bytes) -> bytes:
    """Bytes of an answer that says that it is compressed."""
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def test_an_answer_comes_back_whole(serve, connect, answering):
    """Status, body and headers are returned; the names of headers are in lower case."""
    server = await serve(answering(b"no", "Retry-After: 7", status="503 Busy"))
    transport = await connect(server.url)

    exchange = await transport.exchange(ASK)

    assert exchange.result == Response(status=503, headers={"content-length": "2", "retry-after": "7"}, body=b"no")
    assert exchange.left


async def test_a_compressed_answer_is_read(serve, connect):
    """Compression that nobody asked for is undone."""
    server = await serve(compressed(gzip.compress(b'{"id": 1}')))
    transport = await connect(server.url)

    exchange = await transport.exchange(ASK)

    assert exchange.result.body == b'{"id": 1}'


async def test_a_redirect_is_returned_and_not_followed(serve, connect, answering):
    """A message must not go where the configuration did not say."""
    elsewhere = await serve(answering())
    server = await serve(answering(b"", f"Location: {elsewhere.url}/", status="307 Temporary Redirect"))
    transport = await connect(server.url)

    exchange = await transport.exchange(ASK)

    assert (exchange.result.status, exchange.left) == (307, True)
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


async def test_cookies_are_not_kept(serve, connect, answering):
    """Calls do not depend on each other."""
    server = await serve(answering(b"", "Set-Cookie: id=1"))
    # By name, because no client keeps cookies for a bare address.
    transport = await connect(server.url.replace("127.0.0.1", "localhost"))

    await transport.exchange(ASK)
    await transport.exchange(ASK)

    assert b"cookie" not in server.requests[1].lower()


async def test_the_environment_has_no_say(serve, connect, answering, monkeypatch):
    """A proxy that the environment names is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    server = await serve(answering())
    transport = await connect(server.url)

    exchange = await transport.exchange(ASK)

    assert isinstance(exchange.result, Response)


BROKEN_ANSWERS = {
    "body shorter than its length": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", FailureReason.DISCONNECTED),
    "chunks without their end": (CHUNKED + b"4\r\nhalf\r\n", FailureReason.DISCONNECTED),
    "chunk shorter than its length": (CHUNKED + b"9\r\nhalf", FailureReason.DISCONNECTED),
    "headers without their end": (b"HTTP/1.1 200 OK\r\nContent-Le", FailureReason.DISCONNECTED),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", FailureReason.UNREADABLE),
    "not gzip": (compressed(b"plain text"), FailureReason.UNREADABLE),
    "long by its header": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", FailureReason.TOO_LARGE),
    "long without a header": (CHUNKED + b"7d0\r\n" + b"x" * 2000 + b"\r\n", FailureReason.TOO_LARGE),
    "long after decompression": (compressed(gzip.compress(bytes(50_000_000), 1)), FailureReason.TOO_LARGE),
}


@pytest.mark.parametrize("case", BROKEN_ANSWERS)
async def test_an_answer_that_is_not_whole_is_a_failure(serve, connect, case):
    """Nobody can read a fate out of half an answer, so it never becomes a response; the request had left."""
    raw, reason = BROKEN_ANSWERS[case]

    async def reply(_, writer):
        writer.write(raw)
        writer.close()

    server = await serve(reply)
    transport = await connect(server.url, max_body=1000)

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.result.left, exchange.left) == (reason, True, True)


async def test_an_answer_of_exactly_the_allowed_size_is_taken(serve, connect, answering):
    """The limit is the longest answer that is allowed."""
    server = await serve(answering(b"x" * 1000))
    transport = await connect(server.url, max_body=1000)

    exchange = await transport.exchange(ASK)

    assert len(exchange.result.body) == 1000


@pytest.mark.trap("X04")
async def test_a_connection_refused_means_that_nothing_left(connect, unused_port):
    """Nobody listens."""
    transport = await connect(f"http://127.0.0.1:{unused_port}")

    exchange = await transport.exchange(ASK)

    assert exchange.result == Failure(reason=FailureReason.REFUSED, left=False, detail="no connection: ECONNREFUSED")


@pytest.fixture
def unused_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.trap("X04")
async def test_an_unknown_name_means_that_nothing_left(connect, monkeypatch):
    """The name server does not know the host."""

    async def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    transport = await connect("http://provider.invalid")

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left) == (FailureReason.DNS, False)


async def test_a_slow_name_server_counts_as_connecting(connect, monkeypatch):
    """The look-up of the name is inside the time limit for connecting."""

    async def slow(*args, **kwargs):
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", slow)
    transport = await connect("http://provider.invalid", connect_timeout=0.05)

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left) == (FailureReason.CONNECT_TIMEOUT, False)


@pytest.mark.trap("X04")
async def test_a_silent_handshake_counts_as_connecting(connect):
    """A server that accepts the connection and never greets has not received the request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = await connect(f"https://127.0.0.1:{server.getsockname()[1]}", connect_timeout=0.05)

        exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left) == (FailureReason.CONNECT_TIMEOUT, False)


@pytest.mark.trap("X04")
async def test_a_silent_server_is_a_time_out_after_the_request_left(serve, connect):
    """After the request has left, running out of time proves nothing."""
    server = await serve(hang)
    transport = await connect(server.url, read_timeout=0.05)

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left) == (FailureReason.TIMEOUT, True)


async def test_an_answer_that_trickles_is_a_time_out(serve, connect):
    """The time limit is for the whole answer, not for the silence between two bytes."""

    async def trickle(_, writer):
        writer.write(CHUNKED)
        while True:
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)

    server = await serve(trickle)
    transport = await connect(server.url, read_timeout=0.1)

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left) == (FailureReason.TIMEOUT, True)


async def test_the_callers_time_out_shortens_the_endpoints(serve, connect):
    """The endpoint would wait for half a minute; the message has no such time."""
    server = await serve(hang)
    transport = await connect(server.url)

    exchange = await transport.exchange(ASK, timeout=0.05)

    assert (exchange.result.reason, exchange.left) == (FailureReason.TIMEOUT, True)


async def test_waiting_for_our_own_pool_is_nobodys_fault(serve, connect, answering):
    """Two connections, six calls: none runs into the time limit for connecting, and none counts the wait."""

    async def slow(_, writer):
        await asyncio.sleep(0.15)
        writer.write(answering())

    server = await serve(slow)
    transport = await connect(server.url, connections=2, connect_timeout=0.1)

    exchanges = await asyncio.gather(*(transport.exchange(ASK) for _ in range(6)))

    assert [type(exchange.result) for exchange in exchanges] == [Response] * 6
    assert server.connections == 2
    assert max(exchange.duration for exchange in exchanges) < 0.3


async def test_a_cancelled_request_tells_whether_it_had_left(serve, connect):
    """Of two cancelled calls, the one that was being answered had left, the one without a connection had not."""
    server = await serve(hang)
    transport = await connect(server.url, connections=1)
    sent, waiting = Progress(), Progress()
    tasks = [asyncio.create_task(transport.exchange(ASK, progress=progress)) for progress in (sent, waiting)]
    await server.received.wait()

    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert (sent.left, waiting.left) == (True, False)


async def test_closing_fails_what_is_in_flight(serve, connect):
    """A request that is cut off by our own closing may have been served."""
    server = await serve(hang)
    transport = await connect(server.url)
    task = asyncio.create_task(transport.exchange(ASK))
    await server.received.wait()

    await transport.close()
    exchange = await task

    assert (exchange.result.reason, exchange.left) == (FailureReason.DISCONNECTED, True)


async def test_a_closed_transport_sends_nothing():
    """Using it too early or too late is a failure that says so."""
    exchange = await Transport(Endpoint("http://127.0.0.1:9"), SystemClock()).exchange(ASK)

    assert exchange.result == Failure(reason=FailureReason.OTHER, left=False, detail="the transport is not open")


async def test_tls_is_verified(serve, connect, certificate, answering):
    """A certificate that nobody vouches for is refused before the request leaves; with `ca_file` it is trusted."""
    cert, key = certificate("IP:127.0.0.1")
    server = await serve(answering(), tls=server_tls(cert, key))

    refused = await (await connect(server.url)).exchange(ASK)
    trusted = await (await connect(server.url, ca_file=str(cert))).exchange(ASK)

    assert (refused.result.reason, refused.left) == (FailureReason.TLS, False)
    assert "certificate refused" in refused.result.detail
    assert isinstance(trusted.result, Response)
    assert len(server.requests) == 1


async def test_a_certificate_of_another_host_is_refused(serve, connect, certificate, answering):
    """Trusting an authority is not trusting it for every name."""
    cert, key = certificate("DNS:other.example")
    server = await serve(answering(), tls=server_tls(cert, key))
    transport = await connect(server.url, ca_file=str(cert))

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left, len(server.requests)) == (FailureReason.TLS, False, 0)


def test_old_tls_is_not_spoken():
    """Nothing older than TLS 1.2, and never without verification."""
    context = tls_context(None)

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def server_tls(cert, key) -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def test_a_plain_server_behind_https_is_a_tls_failure(connect, answering):
    """The handshake is answered with something else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = await connect(f"https://127.0.0.1:{listener.getsockname()[1]}")
        task = asyncio.create_task(transport.exchange(ASK))
        connection, _ = await asyncio.to_thread(listener.accept)
        connection.sendall(answering())
        exchange = await task
        connection.close()

    assert (exchange.result.reason, exchange.left) == (FailureReason.TLS, False)


async def test_a_useless_ca_file_is_named(tmp_path):
    """The error says which setting is wrong, and why."""
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("not a certificate")

    for path in (missing, empty):
        with pytest.raises(ValueError, match=f"ca_file .*{path.name}: not a readable file of PEM certificates"):
            await Transport(Endpoint("https://127.0.0.1", ca_file=str(path)), SystemClock()).open()


@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://provider.invalid", "http://[::ffff:192.0.2.1]"])
async def test_only_loopback_refuses_other_hosts_without_looking_them_up(connect, monkeypatch, url):
    """No name server hears of it."""
    asked = []
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", asked.append)
    transport = await connect(url, only_loopback=True)

    exchange = await transport.exchange(ASK)

    assert exchange.result == Failure(
        reason=FailureReason.OTHER, left=False, detail="only loopback addresses may be called here"
    )
    assert asked == []


async def test_only_loopback_looks_at_the_address_itself(connect, monkeypatch):
    """A loopback name that resolves to another address is caught when the socket is made."""

    async def lying(host, port, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lying)
    transport = await connect("http://localhost:9", only_loopback=True)

    exchange = await transport.exchange(ASK)

    assert (exchange.result.reason, exchange.left) == (FailureReason.OTHER, False)
    assert exchange.result.detail == "only loopback addresses may be called here"


async def test_only_loopback_lets_loopback_through(serve, connect, answering):
    """The sandboxes can be reached."""
    server = await serve(answering())
    transport = await connect(server.url, only_loopback=True)

    exchange = await transport.exchange(ASK)

    assert isinstance(exchange.result, Response)
