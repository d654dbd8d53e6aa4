"""What went wrong with a request, as RFC 9457 problem documents: a closed set of kinds, and the fields at fault."""

import enum
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from pointsman.errors import (
    Busy,
    ConfigError,
    Denied,
    InvalidMessage,
    InvalidMessages,
    InvalidQuestion,
    KeyReused,
    NotOffered,
    PointsmanError,
    RouterClosed,
    StoreError,
    StoreUnavailable,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:pointsman:problem:"
MOST_FIELDS = 100
"""Fields that one document names; more are counted only."""
STORE_RETRY = 5.0
"""Seconds after which a store that cannot write may be tried again."""


class Kind(enum.StrEnum):
    """What went wrong; the last part of the document's `type`."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    DENIED = "denied"
    FOREIGN = "foreign-request"
    NOT_FOUND = "not-found"
    METHOD = "method-not-allowed"
    TOO_SLOW = "too-slow"
    CONFLICT = "conflict"
    KEY_REUSED = "key-reused"
    TOO_LARGE = "too-large"
    MEDIA = "unsupported-media-type"
    TOO_MANY = "too-many-requests"
    REFUSED = "provider-refused"
    BUSY = "busy"
    STORE = "store-unavailable"
    CLOSING = "closing"
    CONFIGURATION = "invalid-configuration"
    INTERNAL = "internal-error"
    PROTOCOL = "protocol-error"


class Sort(msgspec.Struct, frozen=True):
    """The status and the title of a kind."""

    status: int
    title: str


SORTS: Mapping[Kind, Sort] = MappingProxyType(
    {
        Kind.MALFORMED: Sort(400, "The request cannot be read"),
        Kind.INVALID: Sort(422, "Something in the request is not valid; nothing was done"),
        Kind.UNAUTHORIZED: Sort(401, "A valid key is needed"),
        Kind.DENIED: Sort(403, "This is not allowed"),
        Kind.FOREIGN: Sort(403, "The request does not come from where management may come from"),
        Kind.NOT_FOUND: Sort(404, "There is nothing here"),
        Kind.METHOD: Sort(405, "This method is not offered here"),
        Kind.TOO_SLOW: Sort(408, "The request took too long to arrive"),
        Kind.CONFLICT: Sort(409, "It is too late for this"),
        Kind.KEY_REUSED: Sort(409, "The Idempotency-Key was used for another request"),
        Kind.TOO_LARGE: Sort(413, "The request is too large"),
        Kind.MEDIA: Sort(415, "The body must be JSON"),
        Kind.TOO_MANY: Sort(429, "Too many requests"),
        Kind.REFUSED: Sort(502, "The provider refused"),
        Kind.BUSY: Sort(503, "Too much is waiting already; nothing was taken"),
        Kind.STORE: Sort(503, "It cannot be written down now; nothing was taken"),
        Kind.CLOSING: Sort(503, "The server is closing"),
        Kind.CONFIGURATION: Sort(422, "The configuration is not valid; the old one stays in force"),
        Kind.INTERNAL: Sort(500, "Something unforeseen happened"),
        Kind.PROTOCOL: Sort(400, "The request is no HTTP that is understood here"),
    }
)


class Place(enum.StrEnum):
    """Which part of a request is at fault."""

    BODY = "body"
    QUERY = "query"
    PATH = "path"
    HEADER = "header"
    FILE = "file"
    """The configuration."""


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with a request."""

    place: Place
    field: str
    """`to`, or `[3].to` in an array; the name of a parameter or header; a key of the configuration."""
    problem: str
    """What is wrong and what to do."""
    pointer: str | None = None
    """The place in the body as a JSON pointer, such as `#/3/to`."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document."""

    type: str
    """A URN that names the kind and never changes."""
    title: str
    status: int
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()
    rule: str | None = None
    """What forbids it, for a request that is denied."""
    request_id: str | None = None
    """To be told when asking for help; it is in the log as well."""


class Failure(Exception):
    """Ends a request with a problem document. `retry_after` is in seconds."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        errors: Iterable[FieldProblem] = (),
        retry_after: float | None = None,
        rule: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail or kind)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.rule = rule
        self.headers = headers

    def document(self, request_id: str) -> Problem:
        """Return what the client reads."""
        sort = SORTS[self.kind]
        shown = self.errors[:MOST_FIELDS]
        more = len(self.errors) - len(shown)
        detail = f"{self.detail} ({more} more are not listed)".strip() if more else self.detail
        return Problem(
            type=TYPE_PREFIX + self.kind,
            title=sort.title,
            status=sort.status,
            detail=detail,
            errors=shown,
            rule=self.rule,
            request_id=request_id,
        )

    def answer_headers(self) -> dict[str, str]:
        """Return the headers that go with it."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(math.ceil(self.retry_after), 1))
        return headers


def at_field(field: str, problem: str, place: int | None = None) -> FieldProblem:
    """Return what is wrong with a field of the body; `place` is the number of the item in an array."""
    path = f"/{field.replace('.', '/')}" if field else ""
    if place is None:
        return FieldProblem(place=Place.BODY, field=field, pointer=f"#{path}", problem=problem)
    shown = f"[{place}].{field}" if field else f"[{place}]"
    return FieldProblem(place=Place.BODY, field=shown, pointer=f"#/{place}{path}", problem=problem)


def invalid_messages(error: InvalidMessages, *, is_array: bool) -> Failure:
    """Return the failure for messages that were refused; an array says which."""
    problems = [at_field(one.field, one.problem, place if is_array else None) for place, one in error.problems]
    return Failure(Kind.INVALID, "nothing was taken", errors=problems)


def _with_hint(problem: str, suggestion: str | None) -> str:
    return f"{problem} ({suggestion})" if suggestion else problem


def failure_of(error: PointsmanError) -> Failure | None:
    """Return the failure for what the router raises; None for what nobody should see."""
    match error:
        case InvalidMessages():
            return invalid_messages(error, is_array=True)
        case InvalidMessage(field=field, problem=problem):
            return Failure(Kind.INVALID, errors=[at_field(field, problem)])
        case InvalidQuestion(field=field, problem=problem):
            return Failure(Kind.INVALID, errors=[FieldProblem(place=Place.QUERY, field=field, problem=problem)])
        case NotOffered():
            return Failure(Kind.INVALID, str(error))
        case Denied(rule=rule, problem=problem, retry_after=retry_after):
            kind = Kind.DENIED if retry_after is None else Kind.TOO_MANY
            return Failure(kind, problem, rule=rule, retry_after=retry_after)
        case Busy(problem=problem, retry_after=retry_after):
            return Failure(Kind.BUSY, problem, retry_after=retry_after)
        case KeyReused():
            return Failure(Kind.KEY_REUSED, str(error))
        case StoreUnavailable():
            return Failure(Kind.STORE, retry_after=STORE_RETRY)
        case RouterClosed():
            return Failure(Kind.CLOSING, retry_after=STORE_RETRY)
        case ConfigError(problems=problems):
            found = [
                FieldProblem(
                    place=Place.FILE,
                    field=one.key or one.file,
                    problem=(f"line {one.line}: " if one.line else "") + _with_hint(one.message, one.suggestion),
                )
                for one in problems
            ]
            return Failure(Kind.CONFIGURATION, errors=found)
        case StoreError():
            return None
        case _:
            return None
