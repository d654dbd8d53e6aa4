"""What the engine remembers of a Viber message that an SMS may follow."""

import asyncio

import msgspec

from pointsman.engine.parsing import Parsed
from pointsman.message import Fallback, FallbackBy, FallbackTrigger, Viber
from pointsman.outcome import Accepted, State
from pointsman.routing.fallback import Standing, last_look
from pointsman.routing.match import FALLBACK_MARGIN, preference
from pointsman.store import Record
from pointsman.store.record import is_in_doubt


class Watch(msgspec.Struct, kw_only=True, eq=False):
    """A Viber message of which it is open whether an SMS takes its place, or whose SMS is on its way."""

    parsed: Parsed
    fallback: Fallback
    given_up: bool
    """Its caller does not want it any more."""
    news: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    resting: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """Nothing happens at present: it waits for time or news, or it is over."""
    decided: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """The SMS has its record, or there will be none."""
    recording: bool = False
    """The SMS is being recorded. If that fails it may be there all the same, and nobody but this watch sends it."""
    sms_id: str | None = None
    """Once the SMS is on its way."""
    delivered_by: str | None = None
    """The provider that reported the Viber message delivered while it was watched."""
    task: "asyncio.Task[None] | None" = None

    @property
    def message_id(self) -> str:
        """The Viber message's own id."""
        return self.parsed.envelope.id

    def standing(self, record: Record, now: float) -> Standing:
        """Return how the message stands."""
        return Standing(
            state=record.state if record.intent is None else State.SENDING,
            taken=any(isinstance(attempt.outcome, Accepted) for attempt in record.attempts),
            # An attempt whose outcome could not be written down is not among those of the record.
            in_doubt=is_in_doubt(record) or record.ended is State.UNKNOWN,
            on=self.fallback.on,
            due=record.envelope.due,
            until=record.envelope.deadline + _margin_of(self.parsed),
            on_unknown=preference(self.parsed.route, record.envelope),
            now=now,
        )


def _margin_of(parsed: Parsed) -> float:
    """Return the seconds from the end of a Viber message's life to the SMS in its place."""
    return parsed.route.fallback_margin if parsed.route is not None else FALLBACK_MARGIN


def fallback_of(parsed: Parsed) -> Fallback | None:
    """Return the SMS that the router may have to send in place of a message; None when there is no such."""
    message = parsed.envelope.message
    fallback = message.fallback if isinstance(message, Viber) else None
    return fallback if fallback is not None and fallback.by is FallbackBy.ROUTER else None


def last_question(parsed: Parsed) -> float:
    """Return when the provider is asked about a message whatever the pace is (wall time); never if nothing depends."""
    fallback = fallback_of(parsed)
    if fallback is None or FallbackTrigger.SILENT not in fallback.on:
        return float("inf")
    return last_look(parsed.envelope.deadline, _margin_of(parsed))
