"""Whether any provider could ever take a message as it is: asked before anything is sent."""

from collections.abc import Hashable, Sequence
from typing import assert_never

from pointsman.errors import InvalidMessage
from pointsman.message import Envelope, FallbackBy, HlrLookup, Message, Sms, Viber, channel_of
from pointsman.router import Router
from pointsman.routing.candidate import Decision, Excluded, Exclusion

OF_THE_MESSAGE = frozenset(
    {
        Exclusion.CHANNEL,
        Exclusion.TOO_LONG,
        Exclusion.FLASH,
        Exclusion.SCHEDULE,
        Exclusion.RESEND,
        Exclusion.SENDER_MISSING,
        Exclusion.SENDER_FORM,
        Exclusion.SENDER_NOT_ALLOWED,
    }
)
"""Reasons that no waiting removes."""
_FIELDS = {
    Exclusion.TOO_LONG: "text",
    Exclusion.FLASH: "flash",
    Exclusion.SCHEDULE: "send_at",
    Exclusion.RESEND: "fallback",
}
_SENDER = frozenset({Exclusion.SENDER_MISSING, Exclusion.SENDER_FORM, Exclusion.SENDER_NOT_ALLOWED})


class Fitness:
    """Checks many messages quickly: where a longer text of the same kind fits, a shorter one does.

    State: by kind, the most characters and segments that are known to fit together.
    """

    def __init__(self, router: Router) -> None:
        """`router` need not run."""
        self._router = router
        prefixes = (prefix for route in router.config.routes for prefix in route.match.prefix)
        self._prefix = max(map(len, prefixes), default=0)
        self._known: dict[Hashable, tuple[int, int]] = {}

    def check(self, message: Message) -> Envelope:
        """Return the message as the router reads it. Raises `InvalidMessage` when nobody could take it."""
        envelope = self._router.check(message)
        read = envelope.message
        characters, sender = (0, None) if isinstance(read, HlrLookup) else (len(read.text), read.sender)
        place = envelope.to[: self._prefix]
        kind = (
            envelope.channel,
            message.message_class,
            envelope.network,
            place,
            sender,
            message.tags,
            _wants(envelope),
        )
        known = self._known.get(kind, (-1, -1))
        if characters > known[0] or envelope.parts > known[1]:
            check_fitness(self._router, message)
            self._known[kind] = (characters, envelope.parts)
        return envelope


def check_fitness(router: Router, message: Message) -> None:
    """Raise `InvalidMessage` when every provider of the message's route would leave it out for what it is."""
    decision = router.explain(message)
    if decision.route is None:
        raise InvalidMessage("channel", f"no route of the configuration is for this {channel_of(message)} message")
    if not decision.ranking and all(one.why in OF_THE_MESSAGE for one in decision.excluded):
        raise InvalidMessage(_field(decision), f"{_sentence(decision.excluded, message)}")


def _wants(envelope: Envelope) -> tuple[bool, bool, bool, bool]:
    """Return what a message asks for that not every provider offers."""
    message = envelope.message
    flash = isinstance(message, Sms) and message.flash
    fallback = message.fallback if isinstance(message, Viber) else None
    resend = fallback is not None and fallback.by is FallbackBy.PROVIDER
    return flash, envelope.due > envelope.accepted_at, envelope.local is not None, resend


def _field(decision: Decision) -> str:
    reasons = {one.why for one in decision.excluded}
    for reason, field in _FIELDS.items():
        if reason in reasons:
            return field
    return "sender" if reasons & _SENDER else "channel"


def _sentence(excluded: Sequence[Excluded], message: Message) -> str:
    """Put the reasons into words, each once with all the providers that it holds for."""
    groups: dict[tuple[Exclusion, str], list[str]] = {}
    for one in excluded:
        groups.setdefault((one.why, one.detail), []).append(one.provider)
    return "; ".join(_clause(why, detail, " and ".join(names), message) for (why, detail), names in groups.items())


def _clause(why: Exclusion, detail: str, names: str, message: Message) -> str:
    match why:
        case Exclusion.TOO_LONG:
            return f"is too long for {names} ({detail})"
        case Exclusion.SENDER_NOT_ALLOWED:
            return f"{detail!r} is not in `senders` of {names}: add it there, or leave the sender out"
        case Exclusion.SENDER_FORM:
            return f"{detail!r} is not well formed for {names}"
        case Exclusion.SENDER_MISSING:
            return f"there is none, and no default in `senders` of {names}"
        case Exclusion.CHANNEL:
            return f"{names} cannot carry {channel_of(message)}"
        case Exclusion.FLASH:
            return f"{names} cannot show it at once (flash)"
        case Exclusion.SCHEDULE:
            return f'{names} cannot keep it until later: set schedule = "router" in its route'
        case Exclusion.RESEND:
            return f'{names} cannot send an SMS in its place: set by = "router" in its fallback'
        case (
            Exclusion.TRIED
            | Exclusion.FUNDS
            | Exclusion.BREAKER
            | Exclusion.RESTING
            | Exclusion.PAUSED
            | Exclusion.QUARANTINED
            | Exclusion.DRAINED
        ):
            return f"{names}: {why}"
        case _:
            assert_never(why)
