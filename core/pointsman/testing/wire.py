"""The protocol of the scripted provider: every request is a POST of one `Question`, every answer one `Answer`."""

from datetime import datetime

import msgspec

from pointsman.events import Operation
from pointsman.message import Channel
from pointsman.outcome import DeliveryState, Fault, LookupState, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Incoming,
    PriceQuote,
    Raw,
    Request,
    Response,
    Session,
    SessionExpired,
    Statistics,
    http_verdict,
)

SESSION_HEADER = "x-session"


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a submit."""

    ref: str
    to: str
    text: str = ""
    sender: str | None = None
    segments: int = 1
    ttl: float | None = None
    """Seconds, from the moment when it may be sent."""
    flash: bool = False
    resend: bool = False
    """Send an SMS instead if this Viber message does not get through."""
    send_at: datetime | None = None
    """With its time zone."""
    send_at_local: datetime | None = None
    """On the recipient's clock, without a time zone."""


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every request; which of the fields count depends on the path."""

    channel: Channel | None = None
    batch: str = ""
    items: tuple[Item, ...] = ()
    """For `submit`, `reconcile` and `repeat`."""
    once: bool = False
    """A reference that was taken before is recognised, and nothing happens a second time."""
    ids: tuple[str, ...] = ()
    """For `poll`."""
    refs: tuple[str, ...] = ()
    """For `poll` as well: references instead of ids."""
    since: datetime | None = None
    """For `inbox` and `statistics`, as `until`."""
    until: datetime | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item: an id, a fault, or neither when it is not known here."""

    id: str | None = None
    duplicate: bool = False
    price: str | None = None
    """In the account's currency."""
    fault: Fault | None = None
    certain: bool = False


class News(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A report about one id."""

    id: str
    state: DeliveryState | None = None
    lookup: LookupState | None = None
    final: bool = False
    read: bool = False
    ref: str | None = None
    mccmnc: str | None = None
    """The network that a lookup found."""
    price: str | None = None
    """What it cost, in euros."""
    fault: Fault | None = None
    """Whose fault a bad state is."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer."""

    fault: Fault | None = None
    """The whole request is refused for this."""
    certain: bool = False
    divisible: bool = False
    """The fault may lie with a single item that the answer does not name."""
    retry_after: float | None = None
    """Seconds."""
    detail: str = ""
    expired: bool = False
    """The session is not valid (any more)."""
    items: tuple[Verdict, ...] = ()
    reports: tuple[News, ...] = ()
    session: str | None = None
    valid_for: float = 3600.0
    """Seconds."""
    balance: str | None = None
    inbox: tuple[Incoming, ...] = ()
    statistics: Statistics | None = None
    prices: tuple[PriceQuote, ...] = ()


def read_answer(body: bytes) -> Answer | None:
    """Decode an answer; None when it is none."""
    try:
        return msgspec.json.decode(body, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


UNREADABLE = Unknown(reason=UnknownReason.UNREADABLE)


def post(path: str, question: Question, session: Session | None) -> Request:
    """Return the request that asks a question."""
    return Request(
        method="POST",
        path=f"/{path}",
        headers=((SESSION_HEADER, session.token),) if session is not None else (),
        body=Raw(msgspec.json.encode(question), "application/json"),
    )


def read_scripted(response: Response, operation: Operation) -> Answer | Refused | Unknown | SessionExpired:
    """Read an answer, or why there is none."""
    verdict = http_verdict(response, operation)
    if verdict is not None:
        return verdict
    answer = read_answer(response.body)
    if answer is None:
        return UNREADABLE
    if answer.expired:
        return SessionExpired(code="expired")
    if answer.fault is not None:
        return Refused(
            fault=answer.fault,
            code=answer.fault,
            detail=answer.detail,
            certain=answer.certain,
            retry_after=answer.retry_after,
        )
    return answer
