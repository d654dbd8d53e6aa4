"""What holds for every test of the project: nobody is called but this machine."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

NEVER_RESOLVED = (".invalid", ".example", ".example.com", ".test")
"""Names that exist nowhere by definition (RFC 2606, RFC 6761): they are answered here, without asking anybody."""


class Egress(OSError):
    """A test tried to reach another machine."""


def is_here(host: object) -> bool:
    """Say whether a host, as it is given to a socket, is this machine."""
    if host in {None, "", "localhost", b"localhost"}:
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or address.is_unspecified


class Gate:
    """Stands before every socket of the process, and remembers who was turned away.

    What is raised at a socket may be swallowed by the code under test, so a test fails at its end as well.
    """

    def __init__(self) -> None:
        self.turned_away: list[str] = []

    def check(self, address: Any) -> None:
        """Raise `Egress` unless the address of a socket is one of this machine."""
        host = address[0] if isinstance(address, tuple) else None  # anything else is a socket in the file system
        if not is_here(host):
            self.turned_away.append(f"a connection to {host}")
            raise Egress(f"tests may only talk to this machine, not to {host}")

    def check_name(self, host: Any) -> None:
        """Raise for a name that would have to be asked for elsewhere; addresses need no asking."""
        name = host.decode() if isinstance(host, bytes) else str(host)
        if is_here(host) or _is_address(name):
            return
        if f".{name.rstrip('.').lower()}".endswith(NEVER_RESOLVED):
            raise socket.gaierror(socket.EAI_NONAME, f"{name} exists nowhere")
        self.turned_away.append(f"a look-up of {name}")
        raise Egress(f"tests may only talk to this machine; nobody may be asked for {name}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="session")
def _gate() -> Iterator[Gate]:
    gate = Gate()
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        gate.check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        gate.check(address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        gate.check(rest[-1])
        return sendto(self, data, *rest)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        gate.check_name(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket.socket, "sendto", guarded_sendto)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield gate


@pytest.fixture(autouse=True)
def gate(_gate: Gate) -> Iterator[Gate]:
    """Fail a test that tried to reach another machine, whatever became of the attempt."""
    _gate.turned_away.clear()
    yield _gate
    if _gate.turned_away:
        pytest.fail(f"tests may only talk to this machine; this one tried {', '.join(_gate.turned_away)}")
