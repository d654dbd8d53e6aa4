"""How connections are made: TLS always verified, loopback only where that is asked for."""

import ipaddress
import socket
import ssl

import aiohttp

from pointsman.transport.failures import Blocked
from pointsman.transport.values import Endpoint

DNS_CACHE_SECONDS = 60


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that verifies and takes TLS 1.2 or newer. Reads files, so call it in a thread.

    Raises `ValueError` when `ca_file` is not a readable file of certificates.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        problem = error.strerror or "no certificate in it"
        raise ValueError(f"ca_file {ca_file}: not a readable file of PEM certificates: {problem}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def connector(endpoint: Endpoint, context: ssl.SSLContext | None, *, only_loopback: bool) -> aiohttp.TCPConnector:
    """Return a connector of its own for one provider."""
    return aiohttp.TCPConnector(
        # No limit: the transport gives out the places, so that no wait for one is taken for a slow connection.
        limit=0,
        ttl_dns_cache=DNS_CACHE_SECONDS,
        keepalive_timeout=endpoint.keepalive,
        # Named, because aiohttp takes another one silently as soon as aiodns happens to be installed.
        resolver=aiohttp.ThreadedResolver(),
        ssl=context or True,
        socket_factory=_loopback_socket if only_loopback else None,
    )


def is_loopback(host: str) -> bool:
    """Say whether a host names this machine; decided without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _loopback_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    # At the creation of the socket nothing can be slipped past any more: no alias, no odd spelling of an address.
    family, kind, protocol, _, where = address
    if not is_loopback(str(where[0])):
        raise Blocked
    return socket.socket(family, kind, protocol)
