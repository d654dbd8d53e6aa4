"""How many messages may go to one number, one range of numbers and one country in a time.

Numbers are known here as hashes only, which Python makes with a key that is drawn for the process. They are kept as
long as the window in which they count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from pointsman.config import Cap
from pointsman.events import GuardRule
from pointsman.guard.rules import Limits, Refusal
from pointsman.guard.windows import EXACT, Window
from pointsman.message import Channel, Envelope, MessageClass, Msisdn

RANGE_DIGITS = 4
"""Last digits that numbers of one range differ in."""

Counters = tuple[tuple[Cap, Window], ...]
"""How much is allowed, each with what counts it."""
Subject = tuple[GuardRule, int, Counters]
"""What is counted under a rule, as a hash, and how."""
_WHERE = {
    GuardRule.PER_NUMBER: "to one number",
    GuardRule.PER_RANGE: "to one range of numbers",
    GuardRule.PER_COUNTRY: "to the country",
    GuardRule.PER_UNUSUAL_COUNTRY: "to a country that this client hardly sends to",
}


def range_of(to: Msisdn) -> str:
    """Return what a number shares with its neighbours."""
    return to[:-RANGE_DIGITS]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one client with their counters, worked out once for all its messages."""

    client: str
    per_number: Counters
    per_range: Counters
    per_country: Counters
    per_unusual_country: Counters

    def subjects(self, envelope: Envelope, is_usual: Callable[[str, str], bool]) -> list[Subject]:
        """Return under which rules a message counts.

        Lookups have a quota of their own. Marketing goes to a list that the client made, not to numbers that strangers
        typed in, so it cannot be pumped by number or range.
        """
        found: list[Subject] = []
        if envelope.channel is Channel.HLR:
            return found
        client, to = self.client, envelope.to
        if envelope.message.message_class is not MessageClass.MARKETING:
            if self.per_number:
                found.append((GuardRule.PER_NUMBER, hash((client, to)), self.per_number))
            if self.per_range:
                found.append((GuardRule.PER_RANGE, hash((client, "range", range_of(to))), self.per_range))
        country = envelope.network.country or ""
        if self.per_country:
            found.append((GuardRule.PER_COUNTRY, hash((client, "country", country)), self.per_country))
        if self.per_unusual_country and not is_usual(client, country):
            key = hash((client, "unusual", country))
            found.append((GuardRule.PER_UNUSUAL_COUNTRY, key, self.per_unusual_country))
        return found


class Velocity:
    """Counts messages under all rules about speed. State: one window for each length of time in use."""

    def __init__(self, exact: int = EXACT) -> None:
        self._exact = exact
        self._windows: dict[float, Window] = {}

    def plan(self, clients: Iterable[Limits]) -> Mapping[str, Plan]:
        """Return the plan of each client; windows that no cap needs any more are forgotten, all others go on."""
        known, self._windows = self._windows, {}
        return {limits.client.name: self._plan(limits, known) for limits in clients}

    def _plan(self, limits: Limits, known: Mapping[float, Window]) -> Plan:
        def counters(caps: Iterable[Cap]) -> Counters:
            return tuple((cap, self._window(float(cap.seconds), known)) for cap in caps)

        guard = limits.guard
        return Plan(
            client=limits.client.name,
            per_number=counters(guard.per_number),
            per_range=counters(guard.per_range),
            per_country=counters(guard.per_country),
            per_unusual_country=counters(guard.per_unusual_country),
        )

    def _window(self, seconds: float, known: Mapping[float, Window]) -> Window:
        window = self._windows.get(seconds)
        if window is None:
            window = self._windows[seconds] = known.get(seconds) or Window(seconds, self._exact)
        return window


def count(subjects: Sequence[Subject], envelope: Envelope, now: float) -> Refusal | None:
    """Count a message under its rules, or count nothing and return why it comes too fast."""
    for place, (rule, key, counters) in enumerate(subjects):
        for number, (cap, window) in enumerate(counters):
            if not window.add(key, now, cap.messages):
                take_back([*subjects[:place], (rule, key, counters[:number])], now)
                return _too_many(rule, cap, envelope, window.falls(key, cap.messages, now))
    return None


def take_back(subjects: Iterable[Subject], at: float) -> None:
    """Count a message no more that was counted at a moment."""
    for _, key, counters in subjects:
        for _, window in counters:
            window.take_back(key, at)


def _too_many(rule: GuardRule, cap: Cap, envelope: Envelope, retry_after: float) -> Refusal:
    country = envelope.network.country
    seen = f" ({country})" if country else ""
    problem = (
        f"too many messages {_WHERE[rule]}{seen}: {cap} are allowed;"
        f" wait, or ask the operator to raise {rule} in [guard] if this traffic is wanted"
    )
    return Refusal(rule=rule, problem=problem, retry_after=retry_after, channel=envelope.channel, country=country)
