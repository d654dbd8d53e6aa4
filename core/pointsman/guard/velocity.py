"""How many messages may go to one number, one range of numbers and one country in a time.

Numbers are known here as hashes only, which Python makes with a key that is drawn for the process. They are kept as
long as the window in which they count.
"""

from collections.abc import Callable, Iterable, Sequence

from pointsman.config import Cap
from pointsman.events import GuardRule
from pointsman.guard.rules import Limits, Refusal
from pointsman.guard.windows import EXACT, Table, Window
from pointsman.message import Channel, Envelope, MessageClass, Msisdn

RANGE_DIGITS = 4
"""Last digits that numbers of one range differ in."""

Subject = tuple[GuardRule, int, tuple[Cap, ...]]
"""What is counted under a rule, as a hash, and how much is allowed."""
_WHERE = {
    GuardRule.PER_NUMBER: "to one number",
    GuardRule.PER_RANGE: "to one range of numbers",
    GuardRule.PER_COUNTRY: "to the country",
    GuardRule.PER_UNUSUAL_COUNTRY: "to a country that this client hardly sends to",
}


def range_of(to: Msisdn) -> str:
    """Return what a number shares with its neighbours."""
    return to[:-RANGE_DIGITS]


class Velocity:
    """Counts messages under all rules about speed. State: one window for each length of time in use."""

    def __init__(self, exact: int = EXACT) -> None:
        self._exact = exact
        self._windows: dict[float, Window] = {}

    def keep_only(self, caps: Iterable[Cap]) -> None:
        """Forget the windows of caps that are not in force any more."""
        wanted = {cap.seconds for cap in caps}
        self._windows = {length: window for length, window in self._windows.items() if length in wanted}

    def check(self, subjects: Sequence[Subject], envelope: Envelope, now: float) -> Refusal | None:
        """Return why a message comes too fast; None when it does not."""
        for rule, key, caps in subjects:
            for cap in caps:
                window = self._window(cap)
                if window.count(key, now) >= cap.messages:
                    return _too_many(rule, cap, envelope, window.falls(key, cap.messages, now))
        return None

    def count(self, subjects: Sequence[Subject], now: float, counted: list[tuple[Table, int]]) -> None:
        """Count a message under its rules; note in `counted` where."""
        for _, key, caps in subjects:
            counted.extend((self._window(cap).add(key, now), key) for cap in caps)

    def _window(self, cap: Cap) -> Window:
        window = self._windows.get(cap.seconds)
        if window is None:
            window = self._windows[cap.seconds] = Window(cap.seconds, self._exact)
        return window


def subjects_of(limits: Limits, envelope: Envelope, is_usual: Callable[[str, str], bool]) -> list[Subject]:
    """Return under which rules a message counts.

    Lookups have a quota of their own. Marketing goes to a list that the client made, not to numbers that strangers
    typed in, so it cannot be pumped by number or range.
    """
    found: list[Subject] = []
    if envelope.channel is Channel.HLR:
        return found
    guard, client = limits.guard, limits.client.name
    if envelope.message.message_class is not MessageClass.MARKETING:
        if guard.per_number:
            found.append((GuardRule.PER_NUMBER, hash((client, envelope.to)), guard.per_number))
        if guard.per_range:
            found.append((GuardRule.PER_RANGE, hash((client, "range", range_of(envelope.to))), guard.per_range))
    country = envelope.network.country or ""
    if guard.per_country:
        found.append((GuardRule.PER_COUNTRY, hash((client, "country", country)), guard.per_country))
    if guard.per_unusual_country and not is_usual(client, country):
        key = hash((client, "unusual", country))
        found.append((GuardRule.PER_UNUSUAL_COUNTRY, key, guard.per_unusual_country))
    return found


def _too_many(rule: GuardRule, cap: Cap, envelope: Envelope, retry_after: float) -> Refusal:
    country = envelope.network.country
    seen = f" ({country})" if country else ""
    problem = (
        f"too many messages {_WHERE[rule]}{seen}: {cap} are allowed;"
        f" wait, or ask the operator to raise {rule} in [guard] if this traffic is wanted"
    )
    return Refusal(rule=rule, problem=problem, retry_after=retry_after, channel=envelope.channel, country=country)
