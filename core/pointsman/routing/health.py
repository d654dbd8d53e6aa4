"""How healthy one provider is for messages like this one: evidence by channel and network, and whom to blame for what.

Only what is the provider's own doing counts: a number that does not exist, or a text that is forbidden, says nothing.
Evidence about one network is believed where there is much of it, else what the channel as a whole shows there.
Times are monotonic seconds.
"""

import enum
from collections import OrderedDict

import msgspec

from pointsman.message import Channel, Network
from pointsman.outcome import DeliveryState, Fault, LookupState, Report
from pointsman.routing.evidence import Belief, Cell, Delays, Learning, Memory
from pointsman.routing.merge import is_final

MOST_CELLS = 500
"""Networks of one channel about which evidence is kept; the one that was used longest ago is forgotten first."""
NOT_ITS_DOING = frozenset({Fault.RECIPIENT, Fault.CONTENT})
"""What a bad report may say that speaks against the message, not against the provider."""
TRUSTED_FROM = 20.0
"""Confirmations expected before their absence says anything."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is expected of a provider for one message."""

    chance: float
    """That it delivers the message in time once it has taken it, from 0 to 1."""
    weight: float
    """How many messages that rests on; small means that it is mostly a guess."""
    taken: float
    """The share of requests that it takes, from 0 to 1."""
    delay: float
    """Seconds until a delivery is usually reported."""


class _Line:
    """One channel: the evidence as a whole and by network, what was taken, and the delays of reports."""

    def __init__(self, learning: Learning) -> None:
        self.learning = learning
        self.whole = Cell(learning)
        self.networks: OrderedDict[str, Cell] = OrderedDict()
        self.delays = Delays(learning.horizon)
        self.taken = Memory(learning.quick, learning.quick_half_life)
        self.confirmed = Cell(learning)
        self.confirmation_delays = Delays(learning.horizon)

    def cells(self, network: Network) -> tuple[Cell, Cell]:
        return self.whole, self._of(network)

    def _of(self, network: Network) -> Cell:
        key = _key(network)
        cell = self.networks.get(key)
        if cell is None:
            cell = self.networks[key] = Cell(self.learning)
            if len(self.networks) > MOST_CELLS:
                self.networks.popitem(last=False)
        else:
            self.networks.move_to_end(key)
        return cell

    def known(self, network: Network) -> Cell | None:
        return self.networks.get(_key(network))


class Health:
    """The evidence about one provider."""

    def __init__(self, learning: Learning | None = None, *, reports: bool = True) -> None:
        """`reports` says whether it can report deliveries at all; if not, silence means nothing."""
        self._learning = learning or Learning()
        self._reports = reports
        self._lines: dict[Channel, _Line] = {}

    def __repr__(self) -> str:
        return f"<Health {{{', '.join(f'{channel}: {line.whole!r}' for channel, line in self._lines.items())}}}>"

    def accepted(self, channel: Channel, network: Network, now: float) -> None:
        """Note that the provider took a message."""
        line = self._line(channel)
        line.taken.note(now, good=True)
        if not self._reports:
            return
        for cell in line.cells(network):
            cell.accepted(now)

    def failed(self, channel: Channel, network: Network, now: float, *, in_doubt: bool) -> None:
        """Note an attempt that failed by the provider's doing; one `in_doubt` may be lost for good."""
        line = self._line(channel)
        line.taken.note(now, good=False)
        if in_doubt:
            for cell in line.cells(network):
                cell.note(now, good=False)

    def reported(self, channel: Channel, network: Network, accepted_at: float, report: Report, now: float) -> None:
        """Note the last report about a message that was accepted at `accepted_at`; one that is not final tells nothing.

        Reports of lookups count as delivered when they hold an answer.
        """
        verdict = _verdict(report)
        if verdict is None:
            return
        line = self._line(channel)
        delay = max(now - accepted_at, 0.0)
        for cell in line.cells(network):
            if not cell.heard(accepted_at):
                continue  # it was written off; that it came so late does not make it better
            if verdict is not _Verdict.NOT_COUNTED:
                cell.note(now, good=verdict is _Verdict.GOOD)
        if verdict is _Verdict.GOOD and delay <= self._learning.horizon:
            line.delays.note(delay)

    def expects_confirmation(self, channel: Channel, delivered_at: float) -> None:
        """Note that somebody is going to tell whether a message which is reported as delivered was really seen."""
        self._line(channel).confirmed.accepted(delivered_at)

    def confirmed(self, channel: Channel, delivered_at: float, now: float) -> None:
        """Note that a message which was reported as delivered was really seen."""
        line = self._line(channel)
        if line.confirmed.heard(delivered_at):
            line.confirmed.note(now, good=True)
            line.confirmation_delays.note(max(now - delivered_at, 0.0))

    def confirmation(self, channel: Channel, now: float) -> Belief | None:
        """Return how many of its reported deliveries are confirmed; None when too few were expected to be."""
        line = self._lines.get(channel)
        if line is None:
            return None
        belief = line.confirmed.belief(now, line.confirmation_delays, 0.5, 0.5)
        return belief if belief.weight >= TRUSTED_FROM else None

    def estimate(self, channel: Channel, network: Network, now: float) -> Estimate:
        """Return what is expected of it for a message to a network."""
        learning = self._learning
        line = self._lines.get(channel)
        if line is None:
            return Estimate(chance=learning.prior, weight=0.0, taken=1.0, delay=0.0)
        whole = line.whole.belief(now, line.delays, learning.prior, learning.prior_weight)
        cell = line.known(network)
        belief = whole
        if cell is not None:
            weight = min(learning.cell_weight, whole.weight + learning.prior_weight)
            belief = cell.belief(now, line.delays, whole.chance, weight)
        line.taken.age(now)
        taken = (line.taken.good + 2.0) / (line.taken.weight + 2.0)
        return Estimate(chance=belief.chance, weight=belief.weight, taken=taken, delay=line.delays.usual())

    def _line(self, channel: Channel) -> _Line:
        line = self._lines.get(channel)
        if line is None:
            line = self._lines[channel] = _Line(self._learning)
        return line


class _Verdict(enum.Enum):
    GOOD = enum.auto()
    BAD = enum.auto()
    NOT_COUNTED = enum.auto()


def _verdict(report: Report) -> _Verdict | None:
    """Say what a report means for its provider's health; None while it is not the last word."""
    if not is_final(report):
        return None
    if report.lookup is not None:
        return _Verdict.GOOD if report.lookup.state in _ANSWERS else _Verdict.BAD
    if report.state is DeliveryState.DELIVERED:
        return _Verdict.GOOD
    return _Verdict.NOT_COUNTED if report.fault in NOT_ITS_DOING else _Verdict.BAD


_ANSWERS = frozenset({LookupState.REACHABLE, LookupState.ABSENT, LookupState.NONEXISTENT})


def _key(network: Network) -> str:
    return network.mccmnc or network.country or ""
