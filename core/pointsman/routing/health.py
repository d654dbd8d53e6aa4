"""How healthy providers are for messages like this one: evidence by channel and network, and whom to blame for what.

Only what is the provider's own doing counts: a number that does not exist, or a text that is forbidden, says nothing.
Evidence about one network is believed where it differs from what the channel shows there as a whole; a provider about
which little is known is taken to be like the others. Where recipients confirm what they got, confirmations decide over
reports, which may be missing or made up. Times are monotonic seconds.
"""

import enum
from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Mapping

import msgspec

from pointsman.message import Channel, Network
from pointsman.outcome import DeliveryState, Fault, LookupState, Report
from pointsman.routing.cells import cell_of
from pointsman.routing.evidence import FRESH, OWNED_UP, Belief, Cell, Count, Delays, Learning, Memory, divergence
from pointsman.routing.merge import is_final

MOST_CELLS = 500
"""Networks of one channel about which evidence is kept; the one that was used longest ago is forgotten first."""
NOT_ITS_DOING = frozenset({Fault.RECIPIENT, Fault.CONTENT})
"""What a bad report may say that speaks against the message, not against the provider."""
COMMON_WEIGHT = 20.0
TRUSTED_FROM = 15.0
"""Messages with or without confirmation that are needed before a provider is judged by it."""
COMPARED_FROM = 8.0
"""Messages with or without confirmation that are needed before others are compared with it."""
CONFIRMATION_ALARM = 3.5
"""Log of the likelihood ratio from which a provider is said to be confirmed less often than the best one."""
COMMON_SHARE = 0.5
"""The share of recipients that are thought to confirm before any has."""


class Silence(enum.StrEnum):
    """What it means that a provider says nothing of a message for much longer than usual."""

    LOST = "lost"
    """That it was not delivered."""
    NOTHING = "nothing"
    """Nothing: it reports only some deliveries, or none."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is expected of a provider for one message."""

    chance: float
    """That it delivers the message in time once it has taken it, from 0 to 1."""
    weight: float
    """How many messages that rests on; small means that it is mostly a guess."""
    taken: float
    """The share of requests that it takes, from 0 to 1."""
    owned_up: float
    """The share of lost messages that it reports as lost, so that they can be sent again."""
    delay: float | None
    """Seconds until a delivery is usually reported; None when none has been."""


class _Line:
    """One channel of one provider: the evidence as a whole and by network, what was taken, delays, confirmations."""

    def __init__(self, learning: Learning) -> None:
        self.learning = learning
        self.count = Count()
        self.whole = Cell(learning, self.count)
        self.networks: OrderedDict[str, Cell] = OrderedDict()
        self.delays = Delays(learning.horizon)
        self.estimates: dict[str, tuple[float, Estimate]] = {}
        """The latest ones by network, with the time when they were worked out."""
        self.taken = Memory(learning.memories[-1], learning.shortest_half_life)
        self.confirmable = Count()
        self.confirmed = Cell(learning, self.confirmable)
        self.confirmation_delays = Delays(learning.horizon)

    def apart(self) -> "_Line":
        """Return a copy to look at, without the networks."""
        copy = _Line(self.learning)
        copy.whole, copy.confirmed, copy.taken = self.whole.copy(), self.confirmed.copy(), self.taken.copy()
        copy.delays, copy.confirmation_delays = self.delays, self.confirmation_delays
        return copy

    def cells(self, network: Network) -> tuple[Cell, Cell]:
        """Return the cells that a message to a network belongs to."""
        key = cell_of(network)
        cell = self.networks.get(key)
        if cell is None:
            cell = self.networks[key] = Cell(self.learning, self.count)
            if len(self.networks) > MOST_CELLS:
                self.networks.popitem(last=False)
        else:
            self.networks.move_to_end(key)
        return self.whole, cell


class Commons:
    """What is common to all providers of a router: what is usual on a channel."""

    def __init__(self, learning: Learning | None = None) -> None:
        self.learning = learning or Learning()
        self._usual: dict[Channel, Memory] = {}
        self._lines: dict[Channel, list[_Line]] = defaultdict(list)

    def apart(self, channel: Channel, line: _Line) -> "tuple[Commons, _Line]":
        """Return a copy of what is known of a channel, and the copy of one of its lines."""
        copy, own = Commons(self.learning), line.apart()
        if (usual := self._usual.get(channel)) is not None:
            copy._usual[channel] = usual.copy()
        for other in tuple(self._lines[channel]):
            copy.join(channel, own if other is line else other.apart())
        return copy, own

    def join(self, channel: Channel, line: _Line) -> None:
        """Take a provider's channel in."""
        self._lines[channel].append(line)

    def leave(self, lines: Mapping[Channel, _Line]) -> None:
        """Forget the lines of a provider that is gone; what is usual on its channels stays learnt."""
        for channel, line in lines.items():
            self._lines[channel] = [other for other in self._lines[channel] if other is not line]

    def note(self, channel: Channel, now: float, *, good: bool) -> None:
        """Take in the fate of a message, whosever it was."""
        memory = self._usual.get(channel)
        if memory is None:
            memory = self._usual[channel] = Memory(self.learning.memories[0], self.learning.half_life)
        memory.age(now)
        memory.begin()
        memory.settle(0, good=good)

    def usual(self, channel: Channel) -> float:
        """Return the share of messages that are delivered on a channel, over all providers."""
        memory = self._usual.get(channel)
        if memory is None:
            return self.learning.prior
        return (memory.good + self.learning.prior * COMMON_WEIGHT) / (memory.weight + COMMON_WEIGHT)

    def confirmed_chance(self, line: _Line, channel: Channel, now: float) -> float | None:
        """Return a provider's chance of delivery by what recipients confirm; None where they do not tell.

        How many recipients confirm what they get is not known, but it is the same for all providers: the best one's
        share stands for its chance, and the others are compared with it.
        """
        own = _confirmation(line, now)
        if own is None or own.weight < TRUSTED_FROM:
            return None
        learning = self.learning
        usual = self.usual(channel)
        best, best_share = 0.0, 0.0
        for other in self._lines[channel]:
            confirmation = _confirmation(other, now)
            if confirmation is None:
                continue
            best = max(best, other.whole.belief(now, other.delays, usual, learning.prior_weight).chance)
            best_share = max(best_share, confirmation.chance)
        if own.weight * divergence(own.chance, best_share) <= CONFIRMATION_ALARM:
            return best
        return best * own.chance / best_share


Key = Hashable
"""Which attempt of which message."""


class _Open(msgspec.Struct, frozen=True, gc=False):
    """An accepted message of which more may be heard."""

    channel: Channel
    network: Network
    at: float
    counts: bool
    confirms: bool


class Health:
    """The evidence about one provider."""

    def __init__(self, commons: Commons | None = None, *, silence: Silence = Silence.LOST) -> None:
        self._commons = commons or Commons()
        self._learning = self._commons.learning
        self._silence = silence
        self._lines: dict[Channel, _Line] = {}
        self._open: dict[Key, _Open] = {}
        """In the order in which they were accepted; forgotten after the horizon."""

    def renew(self, silence: Silence) -> None:
        """Take over what it means that the provider says nothing; messages that it has taken count by that too."""
        self._silence = silence

    def retire(self) -> None:
        """Be no measure for others any more: the provider is gone. What is still learnt of it is kept apart."""
        self._commons.leave(self._lines)
        self._commons = Commons(self._learning)
        for channel, line in self._lines.items():
            self._commons.join(channel, line)

    def __repr__(self) -> str:
        return f"<Health {{{', '.join(f'{channel}: {line.whole!r}' for channel, line in self._lines.items())}}}>"

    def accepted(
        self,
        key: Key,
        channel: Channel,
        network: Network,
        now: float,
        *,
        counts: bool = True,
        confirms: bool = False,
    ) -> None:
        """Note that the provider took a message.

        `counts` is false for one that another provider has lost before: it may be the message that cannot be
        delivered. `confirms` says that the recipient may confirm it.
        """
        line = self._line(channel)
        _took(line, now, good=True)
        self._forget(now)
        self._open[key] = _Open(channel, network, now, counts, confirms)
        if counts and self._silence is Silence.LOST:
            line.count.sent += 1
            for cell in line.cells(network):
                cell.accepted(now)
        if confirms:
            line.confirmable.sent += 1
            line.confirmed.accepted(now)

    def failed(self, channel: Channel, network: Network, now: float, *, in_doubt: bool) -> None:
        """Note an attempt that failed by the provider's doing; one `in_doubt` may be lost for good."""
        line = self._line(channel)
        _took(line, now, good=False)
        if in_doubt:
            line.count.sent += 1
            self._commons.note(channel, now, good=False)
            for cell in line.cells(network):
                cell.note(good=False)

    def reported(self, key: Key, report: Report, now: float) -> None:
        """Note a report about an accepted message; one that is not final tells nothing.

        Reports of lookups count as delivered when they hold an answer.
        """
        verdict = _verdict(report)
        known = self._open.get(key)
        if verdict is None or known is None or not known.counts:
            return
        is_silent = _tells_nothing(report)
        if is_silent and self._silence is Silence.NOTHING:
            return
        self._open[key] = msgspec.structs.replace(known, counts=False)
        line = self._line(known.channel)
        delay = max(now - known.at, 0.0)
        counts = verdict is not _Verdict.NOT_COUNTED
        good = verdict is _Verdict.GOOD and delay <= self._learning.horizon
        if counts:
            self._commons.note(known.channel, now, good=good)
            if self._silence is Silence.NOTHING:
                line.count.sent += 1
        for cell in line.cells(known.network):
            if self._silence is Silence.LOST:
                cell.heard(known.at, good=good if counts else None, told=not is_silent)
            elif counts:
                cell.note(good=good)
        if good:
            line.delays.note(delay)

    def confirmed(self, key: Key, now: float) -> None:
        """Note that the recipient confirmed a message."""
        known = self._open.get(key)
        if known is None or not known.confirms:
            return
        self._open[key] = msgspec.structs.replace(known, confirms=False)
        line = self._line(known.channel)
        if line.confirmed.heard(known.at, good=True):
            line.confirmation_delays.note(max(now - known.at, 0.0))

    def glance(self, channel: Channel, now: float) -> Estimate:
        """Return what is expected of it on a channel as a whole; may be called in any thread, and changes nothing."""
        line = self._lines.get(channel)
        if line is None:
            return _stranger(self._commons, channel)
        commons, apart = self._commons.apart(channel, line)
        return _worked_out(commons, apart, channel, None, now)

    def estimate(self, channel: Channel, network: Network, now: float) -> Estimate:
        """Return what is expected of it for a message to a network.

        It is worked out anew a few times a second only: hundreds of messages may be routed within that time.
        """
        line = self._lines.get(channel)
        if line is None:
            return _stranger(self._commons, channel)
        key = cell_of(network)
        known = line.estimates.get(key)
        if known is not None and 0.0 <= now - known[0] < FRESH:
            return known[1]
        estimate = _worked_out(self._commons, line, channel, key, now)
        if len(line.estimates) > MOST_CELLS:
            line.estimates.clear()
        line.estimates[key] = now, estimate
        return estimate

    def _forget(self, now: float) -> None:
        """Forget messages that were accepted so long ago that nothing more can be learnt of them."""
        last = now - self._learning.horizon - self._learning.grain
        while self._open:
            key = next(iter(self._open))
            if self._open[key].at >= last:
                return
            del self._open[key]

    def _line(self, channel: Channel) -> _Line:
        line = self._lines.get(channel)
        if line is None:
            line = self._lines[channel] = _Line(self._learning)
            self._commons.join(channel, line)
        return line


def _stranger(commons: Commons, channel: Channel) -> Estimate:
    usual = commons.usual(channel)
    return Estimate(chance=usual, weight=0.0, taken=1.0, owned_up=OWNED_UP, delay=None)


def _worked_out(commons: Commons, line: _Line, channel: Channel, key: str | None, now: float) -> Estimate:
    learning = commons.learning
    usual = commons.usual(channel)
    whole = line.whole.belief(now, line.delays, usual, learning.prior_weight)
    belief = _narrowed(Belief(usual, 0.0), whole, learning.cell_alarm, learning.kin_weight)
    cell = line.networks.get(key) if key is not None else None
    if cell is not None:
        part = cell.belief(now, line.delays, belief.chance, learning.cell_weight, whole.memory)
        narrowed = _narrowed(belief, part, learning.cell_alarm, learning.cell_kin_weight)
        belief = narrowed if narrowed is part else Belief(narrowed.chance, max(part.weight, whole.weight))
    confirmed = commons.confirmed_chance(line, channel, now)
    line.taken.age(now)
    return Estimate(
        chance=belief.chance if confirmed is None else confirmed,
        weight=belief.weight,
        taken=(line.taken.good + 2.0) / (line.taken.weight + 2.0),
        owned_up=line.whole.owned_up,
        delay=line.delays.usual() if line.delays.known else None,
    )


def _took(line: _Line, now: float, *, good: bool) -> None:
    line.taken.age(now)
    line.taken.begin()
    line.taken.settle(0, good=good)


def _narrowed(wide: Belief, narrow: Belief, alarm: float, kin: float) -> Belief:
    """Return what is believed of a part: its own evidence where that differs from the whole's, else mostly the whole's.

    Without this, whoever had bad luck with his first messages would get no more of them to show what he can do.
    """
    if narrow.weight * divergence(narrow.chance, wide.chance) > alarm:
        return narrow
    share = narrow.weight / (narrow.weight + kin)
    return Belief(wide.chance + share * (narrow.chance - wide.chance), narrow.weight, narrow.memory)


def _confirmation(line: _Line, now: float) -> Belief | None:
    belief = line.confirmed.belief(now, line.confirmation_delays, COMMON_SHARE, 1.0)
    return belief if belief.weight >= COMPARED_FROM else None


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


def _tells_nothing(report: Report) -> bool:
    """Say whether a last word is only that nobody knows, as when a provider was silent until it was given up."""
    if report.lookup is not None:
        return report.lookup.state is LookupState.UNKNOWN
    return report.state is DeliveryState.UNKNOWN


_ANSWERS = frozenset({LookupState.REACHABLE, LookupState.ABSENT, LookupState.NONEXISTENT})
