"""Who calls: the address, the key, and whether it is one that may manage."""

from typing import Any

from aiohttp import web

from pointsman.daemon.endpoint import Access, Endpoint
from pointsman.daemon.house import House, Posture
from pointsman.daemon.keys import Holder, Keyring, Rejection
from pointsman.daemon.limits import sender_of
from pointsman.daemon.problems import Failure, Kind

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pointsman"'}
_UNIX_PEER = "127.0.0.1"
"""Stands for the other end of a socket in the file system."""


def address_of(request: web.Request, posture: Posture) -> str:
    """Return where a request comes from."""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])) if posture.proxies else ""
    return sender_of(request.remote or _UNIX_PEER, forwarded.split(",") if forwarded else (), posture.proxies)


def admit(house: House, endpoint: Endpoint[Any, Any, Any], request: web.Request, address: str) -> str:
    """Return the name of the client that calls; empty where none is needed. Raises `Failure`."""
    posture = house.posture
    match endpoint.access:
        case Access.OPEN:
            return ""
        case Access.CLIENT:
            return _holder(house, posture.clients, request, address).client
        case Access.MANAGEMENT:
            if posture.managers is not None:
                _holder(house, posture.managers, request, address)
            else:
                _check_origin(posture, request)
            return ""


def is_still_admitted(house: House, request: web.Request, client: str) -> bool:
    """Say whether a request would still be one of this client: its key may have been taken away, or have ended."""
    found = house.posture.clients.find(_key_of(request), house.clock.now())
    return isinstance(found, Holder) and found.client == client


def _key_of(request: web.Request) -> str:
    """Return the key that a request shows; empty where there is none, or one too many."""
    shown = request.headers.getall("Authorization", [])
    scheme, _, key = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return key.strip() if scheme.lower() == "bearer" else ""


def _holder(house: House, ring: Keyring, request: web.Request, address: str) -> Holder:
    """Return whose key a request shows. Whatever is wrong with it, the answer is the same."""
    key = _key_of(request)
    found = ring.find(key, house.clock.now()) if key else Rejection.MISSING
    if isinstance(found, Holder):
        return found
    house.figures.rejected(found)
    if found is not Rejection.MISSING and (wait := house.tries.failed(address)) is not None:
        house.figures.rejected(Rejection.LIMITED)
        raise Failure(Kind.TOO_MANY, "too many wrong keys from this address", retry_after=wait)
    raise Failure(Kind.UNAUTHORIZED, "send a valid key: Authorization: Bearer …", headers=CHALLENGE)


def _check_origin(posture: Posture, request: web.Request) -> None:
    """Refuse what a page in somebody's browser may have made: a foreign name for this machine, or a foreign origin.

    What changes anything needs a body of JSON besides, which browsers do not send elsewhere without asking first; only
    a request without any origin, which no page can make, may leave it out.
    """
    host = request.headers.get("Host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    if not posture.may_manage_from(name.strip("[]")):
        raise Failure(Kind.FOREIGN, "call this machine by its own name: 127.0.0.1, [::1] or localhost")
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise Failure(Kind.FOREIGN, "another site may not call this")
