"""The protocol of the scripted provider: every request is a POST of one `Question`, every answer one `Answer`."""

import msgspec

from pointsman.message import Channel
from pointsman.outcome import DeliveryState, Fault, LookupState

SESSION_HEADER = "x-session"


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a submit."""

    ref: str
    to: str
    text: str = ""
    sender: str | None = None
    segments: int = 1
    ttl: float | None = None
    """Seconds."""
    resend: bool = False
    """Send an SMS instead if this Viber message does not get through."""


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


def read_answer(body: bytes) -> Answer | None:
    """Decode an answer; None when it is none."""
    try:
        return msgspec.json.decode(body, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
