"""The declaration of an endpoint: from it come the route, the checks of what comes in, and the OpenAPI document."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from aiohttp import web

from pointsman.daemon.asked import NoPath, NoQuery
from pointsman.daemon.problems import Kind

if TYPE_CHECKING:
    from pointsman.daemon.house import House

P = TypeVar("P", bound=msgspec.Struct)
Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B")
JSON = "application/json"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Listener(enum.StrEnum):
    """Where the server listens."""

    PUBLIC = "public"
    ADMIN = "admin"


PUBLIC = frozenset({Listener.PUBLIC})
ADMIN = frozenset({Listener.ADMIN})
BOTH = frozenset(Listener)


class Access(enum.StrEnum):
    """Who may call."""

    OPEN = "open"
    """Anybody; it tells nothing, or the path itself is the secret."""
    CLIENT = "client"
    """Who shows the key of a client."""
    MANAGEMENT = "management"
    """Who is on this machine, or shows the key of management."""


class Body(enum.StrEnum):
    """What a request may bring."""

    NONE = "none"
    JSON = "json"
    """An object."""
    MANY = "many"
    """An object, or an array of up to a thousand."""
    RAW = "raw"
    """Anything small."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One of the answers that an endpoint gives when all is well."""

    words: str
    kind: Any = None
    """The type of the body; None for none, or for one that is no JSON."""
    media: str = JSON
    headers: Mapping[str, str] = NO_HEADERS
    """Name to meaning."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler answers."""

    status: int = 200
    body: Any = None
    """A Struct, or several; bytes are sent as they are; None sends nothing."""
    media: str = JSON
    headers: Mapping[str, str] = NO_HEADERS


class Call(Generic[P, Q, B]):
    """A request that passed all checks."""

    __slots__ = ("address", "body", "client", "is_many", "path", "query", "raw", "request_id", "source")

    def __init__(
        self,
        *,
        path: P,
        query: Q,
        body: B,
        client: str,
        address: str,
        is_many: bool,
        source: bytes,
        request_id: str,
        raw: web.Request,
    ) -> None:
        self.path = path
        self.query = query
        self.body = body
        self.client = client
        """The name of the client; empty where none is needed."""
        self.address = address
        """Where it comes from: of the caller, not of a proxy that we trust."""
        self.is_many = is_many
        """The body was an array."""
        self.source = source
        """The body as it came, for what depends on how it was written."""
        self.request_id = request_id
        self.raw = raw


Handler = Callable[["House", Call[P, Q, B]], Awaitable[Reply | web.StreamResponse]]


class Endpoint(msgspec.Struct, Generic[P, Q, B], frozen=True, kw_only=True):
    """One method of one path."""

    name: str
    """Of the operation, in the OpenAPI document."""
    method: str
    path: str
    summary: str
    handler: Handler[P, Q, B]
    answers: Mapping[int, Answer]
    failures: tuple[Kind, ...] = ()
    """Besides those that follow from the rest of the declaration."""
    access: Access
    listeners: frozenset[Listener]
    variables: type[P] = NoPath  # type: ignore[assignment]
    query: type[Q] = NoQuery  # type: ignore[assignment]
    body: Body = Body.NONE
    body_kind: Any = None
    body_default: Mapping[str, str] = NO_HEADERS
    """Fields that are taken to say this where a body leaves them out."""
    request_headers: Mapping[str, str] = NO_HEADERS
    """Name to meaning, for the OpenAPI document."""
    before: Callable[["House", P, str], None] | None = None
    """Raises `Failure` for a path or an address that is not listened to, before anything of the body is waited for."""
    counted: bool = True
    """It takes one of the places for requests that are served at once."""
    head: bool = True
    """HEAD is answered like GET, without a body."""

    @property
    def takes_head(self) -> bool:
        """Whether HEAD is answered as well."""
        return self.method == "GET" and self.head

    def all_failures(self) -> frozenset[Kind]:
        """Return every kind of problem that a request may meet here."""
        kinds = {*self.failures, Kind.INTERNAL}
        if self.access is not Access.OPEN:
            kinds |= {Kind.UNAUTHORIZED, Kind.TOO_MANY}
        if self.access is Access.MANAGEMENT:
            kinds |= {Kind.FOREIGN}
        if self.counted:
            kinds |= {Kind.BUSY}
        if self.body in {Body.JSON, Body.MANY}:
            kinds |= {Kind.INVALID}
        if self.body is not Body.NONE:
            kinds |= {Kind.MALFORMED, Kind.MEDIA, Kind.TOO_LARGE, Kind.TOO_SLOW}
        if self.query.__struct_config__.forbid_unknown_fields or self.variables.__struct_fields__:
            kinds |= {Kind.INVALID}
        return frozenset(kinds)
