"""What the transport is told and what it tells: an endpoint, and how an exchange went."""

import enum

import msgspec

from pointsman.plugin.wire import Response


class Endpoint(msgspec.Struct, frozen=True):
    """Where a provider is and how patient we are with it. All times in seconds."""

    base_url: str
    """`http` or `https`, without credentials, query and fragment."""
    connect_timeout: float = 5.0
    """For name, connection and TLS handshake together; waiting for a connection of our own pool is not part of it."""
    read_timeout: float = 30.0
    """From the first byte of the request to the last byte of the answer."""
    max_body: int = 1 << 20
    """Bytes of an answer, counted after decompression; a longer answer is a failure."""
    connections: int = 16
    """At once. At least as many as the engine may have in flight, or calls wait for each other here."""
    keepalive: float = 15.0
    """How long an idle connection is kept; stay well below what the provider's server allows."""
    ca_file: str | None = None
    """Certificates (PEM) to trust instead of the machine's."""


class FailureReason(enum.StrEnum):
    """Why there is no answer."""

    DNS = "dns"
    REFUSED = "refused"
    """No TCP connection: refused, unreachable, or reset during the handshake."""
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    """The connection broke before the answer was complete."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """What came back is not HTTP, or not what its headers say."""
    CANCELLED = "cancelled"
    """Never returned by `Transport.exchange`, which raises: for whoever has to write down that it stopped waiting."""
    OTHER = "other"


class Failure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """There is no complete answer."""

    reason: FailureReason
    left: bool
    """The request, or part of it, may have left this machine. False is a proof that it did not."""
    detail: str = ""
    """For people. Holds no address, no part of the request and no text of the server's."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request and what came of it."""

    result: Response | Failure
    duration: float
    """Seconds; waiting for a connection of our own pool is not part of it."""
    left: bool
    """The request may have left this machine; always true when there is a `Response`."""


class Progress:
    """How far a request got. Handed to `Transport.exchange` by whoever must know it even after a cancellation."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = False
        """As in `Exchange`; changes from false to true once, just before the first byte is written."""
