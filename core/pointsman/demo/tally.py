"""Counts what happens while it happens: an observer of events for the live view and for the report."""

from collections import Counter, defaultdict
from decimal import Decimal

from pointsman.events import BreakerMoved, Called, Event, MessageMoved, MessageTaken, Rested, Spent
from pointsman.message import Channel, Money
from pointsman.outcome import State


class Tally:
    """What has happened so far."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, str]] = Counter()
        """Requests by provider, operation and outcome."""
        self.codes: Counter[tuple[str, str, str]] = Counter()
        """Codes of refusals and doubts by provider, operation and code."""
        self.left: Counter[bool] = Counter()
        """Requests by whether they left this machine."""
        self.states: Counter[tuple[Channel, State]] = Counter()
        """Messages by the state in which they are."""
        self.spent: defaultdict[str, list[Money]] = defaultdict(list)
        """What each provider charged."""
        self.breakers: list[BreakerMoved] = []
        self.rests: list[Rested] = []
        self.latest: str = ""
        """The last remarkable thing, in words."""

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Called():
                self._called(event)
            case MessageTaken(channel=channel):
                self.states[channel, State.ACCEPTED] += 1
            case MessageMoved(channel=channel, before=before, after=after):
                self.states[channel, before or State.ACCEPTED] -= 1
                self.states[channel, after] += 1
            case Spent(provider=provider, price=price):
                self.spent[provider].append(price)
            case BreakerMoved():
                self.breakers.append(event)
                self.latest = f"{event.provider}: breaker {event.after} ({event.reason})"
            case Rested():
                self.rests.append(event)
                self.latest = f"{event.provider}: {event.scope} rests ({event.fault})"
            case _:
                pass

    def _called(self, event: Called) -> None:
        self.calls[event.provider, event.operation.value, event.outcome.value] += 1
        self.left[event.left] += 1
        if event.code is not None:
            self.codes[event.provider, event.operation.value, event.code] += 1
            self.latest = (
                f"{event.provider}: {event.operation} {event.outcome} ({event.fault or 'unknown'} {event.code})"
            )

    @property
    def requests(self) -> int:
        """Requests of all kinds, whether they left or not."""
        return self.calls.total()

    def spent_by(self, provider: str) -> Decimal:
        """What a provider charged, in whatever currency it charges."""
        return sum((price.amount for price in self.spent[provider]), Decimal(0))

    def calls_of(self, provider: str, outcome: str) -> int:
        """Requests to a provider with this outcome."""
        return sum(count for (name, _, what), count in self.calls.items() if name == provider and what == outcome)
