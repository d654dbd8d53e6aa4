"""No test can reach another machine: the gate in the conftest at the top of the project sees to it."""

import asyncio
import socket

import aiohttp
import pytest

ELSEWHERE = ("192.0.2.1", 443)
"""An address that is reserved for documentation (RFC 5737)."""


def expect(gate, *attempts: str) -> None:
    """Check who was turned away, and forget it, so that this test itself does not fail for it."""
    assert gate.turned_away == list(attempts)
    gate.turned_away.clear()


@pytest.mark.trap("X06")
@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_socket_cannot_connect_elsewhere(gate, method):
    """A plain socket that wants to leave the machine is stopped before the first packet."""
    with socket.socket() as client, pytest.raises(OSError, match="only talk to this machine"):
        getattr(client, method)(ELSEWHERE)

    expect(gate, "a connection to 192.0.2.1")


def test_datagram_cannot_leave(gate):
    """A datagram to another machine is stopped as well."""
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OSError, match="only talk to this machine"):
        client.sendto(b"hello", ELSEWHERE)

    expect(gate, "a connection to 192.0.2.1")


async def test_event_loop_cannot_connect_elsewhere(gate):
    """A connection made by the event loop passes the same gate."""
    with pytest.raises(OSError, match="only talk to this machine"):
        await asyncio.open_connection(*ELSEWHERE)

    expect(gate, "a connection to 192.0.2.1")


@pytest.mark.trap("X06")
@pytest.mark.parametrize("host", ["integrationapi.net", "api.affiliate-sms.com", "rexsmsc.rex400.ru"])
async def test_production_hosts_are_not_even_looked_up(gate, host):
    """A client that calls a provider's real address fails before anybody is asked for its name."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"https://{host}/")

    assert set(gate.turned_away) == {f"a look-up of {host}"}
    gate.turned_away.clear()


async def test_this_machine_can_be_reached():
    """Connections to loopback addresses and to the name localhost work as ever."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reached = []
        for host in ("127.0.0.1", "localhost"):
            _, writer = await asyncio.open_connection(host, port, family=socket.AF_INET)
            reached.append(writer.get_extra_info("peername"))
            writer.close()
            await writer.wait_closed()

    assert reached == [("127.0.0.1", port)] * 2


def test_reserved_names_are_answered_here(gate):
    """A name that exists nowhere fails as it would in a resolver, without one being asked, and is no offence."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("provider.invalid", 443)

    expect(gate)
