"""Scripted and random faults: what may go wrong between a client and a sandbox, as values that can be sent as JSON."""

import enum
from collections.abc import Collection
from fnmatch import fnmatchcase
from random import Random
from typing import Annotated, TypedDict, Unpack

import msgspec

from pointsman.sandbox.call import Header

NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Action(enum.StrEnum):
    """What a fault does to a request that it strikes."""

    DELAY = "delay"
    """Wait on the sandbox's clock, before or after accepting."""
    HANG = "hang"
    """Never answer; the connection stays open until the client or the sandbox goes away."""
    CLOSE = "close"
    """Drop the connection without a byte of an answer."""
    ANSWER = "answer"
    """Answer with a given status, headers and body, as a proxy in front of the provider would."""
    ERROR = "error"
    """Answer with one of the provider's own error codes, in the provider's own format."""
    TRUNCATE = "truncate"
    """Announce the whole answer, send only the first `size` bytes of it and drop the connection."""
    SLOW = "slow"
    """Send the answer in pieces of `size` bytes with `delay` seconds between them."""
    QUIRK = "quirk"
    """Let the provider's own handler answer oddly; `code` names the oddity."""


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests are struck and what happens to them.

    `accepted` decides the order: False strikes before the request takes effect (no message, no charge), True after.
    `truncate`, `slow` and `quirk` concern the answer, so the request always takes effect.
    """

    action: Action
    endpoint: str = "*"
    """An endpoint's name in any case, or a pattern such as `Sms/*`."""
    times: Count | None = 1
    """How often it strikes; None means for ever."""
    after: Count = 0
    """How many matching requests pass unharmed first."""
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    accepted: bool = False
    status: Annotated[int, msgspec.Meta(ge=100, le=599)] | None = None
    body: str = ""
    """The body of `answer`; the description that goes with the code of `error`."""
    headers: tuple[Header, ...] = ()
    delay: NonNegative = 0.0
    """Seconds."""
    code: str = ""
    """The provider's own error code, or the name of the quirk."""
    size: Count = 0
    """Bytes."""


class When(TypedDict, total=False):
    """Which requests a rule strikes; see the fields of `FaultRule`."""

    endpoint: str
    times: int | None
    after: int
    probability: float


def delay(seconds: float, *, accepted: bool = False, **when: Unpack[When]) -> FaultRule:
    """Wait before the request takes effect, or between that and the answer."""
    return FaultRule(action=Action.DELAY, delay=seconds, accepted=accepted, **when)


def hang_before_accept(**when: Unpack[When]) -> FaultRule:
    """Read the request, do nothing, never answer."""
    return FaultRule(action=Action.HANG, **when)


def hang_after_accept(**when: Unpack[When]) -> FaultRule:
    """Take the message and never answer."""
    return FaultRule(action=Action.HANG, accepted=True, **when)


def close_before_accept(**when: Unpack[When]) -> FaultRule:
    """Read the request, do nothing, hang up."""
    return FaultRule(action=Action.CLOSE, **when)


def close_after_accept(**when: Unpack[When]) -> FaultRule:
    """Take the message and hang up."""
    return FaultRule(action=Action.CLOSE, accepted=True, **when)


def answer(
    status: int, body: str = "", *, headers: tuple[Header, ...] = (), accepted: bool = False, **when: Unpack[When]
) -> FaultRule:
    """Answer with this status and body, whatever the provider would have said."""
    return FaultRule(action=Action.ANSWER, status=status, body=body, headers=headers, accepted=accepted, **when)


def garbage(
    html: str = "<html><body><h1>502 Bad Gateway</h1></body></html>",
    *,
    status: int = 502,
    accepted: bool = False,
    **when: Unpack[When],
) -> FaultRule:
    """Answer with a page for people, as a broken proxy does."""
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    return FaultRule(action=Action.ANSWER, status=status, body=html, headers=headers, accepted=accepted, **when)


def throttle(retry_after: int | None = None, *, status: int = 429, **when: Unpack[When]) -> FaultRule:
    """Answer that requests come too fast; `retry_after` is in seconds."""
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return FaultRule(action=Action.ANSWER, status=status, headers=headers, **when)


def error(code: str, text: str = "", *, status: int | None = None, **when: Unpack[When]) -> FaultRule:
    """Refuse with the provider's own code; text and HTTP status are the provider's usual ones unless given."""
    return FaultRule(action=Action.ERROR, code=code, body=text, status=status, **when)


def error_after_accept(code: str, text: str = "", *, status: int | None = None, **when: Unpack[When]) -> FaultRule:
    """Take the message and say that it failed."""
    return FaultRule(action=Action.ERROR, code=code, body=text, status=status, accepted=True, **when)


def truncate(size: int, **when: Unpack[When]) -> FaultRule:
    """Take the message and break off after `size` bytes of the answer's body."""
    return FaultRule(action=Action.TRUNCATE, size=size, accepted=True, **when)


def slow(seconds: float, size: int = 1, **when: Unpack[When]) -> FaultRule:
    """Take the message and drip the answer: `size` bytes, a pause of `seconds`, and so on."""
    return FaultRule(action=Action.SLOW, delay=seconds, size=size, accepted=True, **when)


def quirk(name: str, **when: Unpack[When]) -> FaultRule:
    """Take the message and answer with an oddity that the provider's sandbox knows by this name."""
    return FaultRule(action=Action.QUIRK, code=name, accepted=True, **when)


class Armed(msgspec.Struct):
    """A rule and what has become of it so far."""

    rule: FaultRule
    passed: int = 0
    """Matching requests that it let go because of `after`."""
    struck: int = 0

    def strikes(self, endpoint: str, random: Random) -> bool:
        """Decide about one request and count it."""
        rule = self.rule
        if rule.times is not None and self.struck >= rule.times:
            return False
        if rule.endpoint != "*" and not fnmatchcase(endpoint.lower(), rule.endpoint.lower()):
            return False
        if self.passed < rule.after:
            self.passed += 1
            return False
        if rule.probability < 1 and random.random() >= rule.probability:
            return False
        self.struck += 1
        return True


class FaultScript:
    """The rules in force, asked in the order in which they were added; the first that strikes ends the search.

    So two rules of one endpoint follow each other: the second sees only what the first lets through.
    """

    def __init__(self, random: Random, *, quirks: Collection[str] = ()) -> None:
        self._random = random
        self._quirks = quirks
        self._armed: list[Armed] = []

    @property
    def armed(self) -> tuple[Armed, ...]:
        """Every rule with its counts, spent ones included."""
        return tuple(self._armed)

    def add(self, *rules: FaultRule) -> None:
        """Put rules at the end of the script. Raises `ValueError` for a quirk that the sandbox does not know."""
        for rule in rules:
            if rule.action is Action.QUIRK and rule.code not in self._quirks:
                raise ValueError(f"unknown quirk {rule.code!r}; there are: {', '.join(sorted(self._quirks)) or 'none'}")
        self._armed += [Armed(rule) for rule in rules]

    def clear(self) -> None:
        """Drop all rules."""
        self._armed.clear()

    def take(self, endpoint: str) -> FaultRule | None:
        """Return the rule that strikes this request, and count it."""
        for armed in self._armed:
            if armed.strikes(endpoint, self._random):
                return armed.rule
        return None

    def add_json(self, text: bytes) -> None:
        """Add one rule or a list of them. Raises `msgspec.MsgspecError` or `ValueError` when one is not well formed."""
        rules = msgspec.json.decode(text, type=FaultRule | list[FaultRule])
        self.add(*([rules] if isinstance(rules, FaultRule) else rules))
