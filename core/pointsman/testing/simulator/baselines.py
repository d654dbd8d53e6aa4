"""How the peers route: rules as they are found in gateways and libraries, written down to be compared with.

All of them see what the submit comes to and nothing else; none of them heeds delivery reports. A time-out is a failure
to them like any other, so they send again.
"""

from collections import deque
from collections.abc import Sequence
from math import inf
from random import Random

from pointsman.outcome import Accepted, Outcome
from pointsman.testing.simulator.run import Action, Journey, Policy, Scene, Stop, Try
from pointsman.testing.simulator.world import Letter

MOST_ATTEMPTS = 4


class Peer:
    """A rule that names the providers of a message in order, and learns from what each submit came to."""

    name: str

    def __init__(self, scene: Scene) -> None:
        self._world = scene.world
        # The price list as it was at the beginning: that is what a configuration says.
        listed = [(sum(one.prices.values()), one.name) for one in scene.world.upstreams]
        self._by_price = [name for _, name in sorted(listed)]
        self._random = Random(scene.seed)

    def order(self, now: float) -> Sequence[str]:
        """Return whom to try, the first one first."""
        raise NotImplementedError

    def learn(self, provider: str, now: float, *, good: bool) -> None:
        """Take in what a submit came to."""

    def journey(self, letter: Letter, now: float) -> Journey:
        """Return the way of a new message."""
        return _Way(self, self.order(now), letter.at + self._world.life)


class _Way:
    def __init__(self, peer: Peer, order: Sequence[str], deadline: float) -> None:
        self._peer = peer
        self._left = list(order[:MOST_ATTEMPTS])
        self._deadline = deadline

    def act(self, now: float) -> Action:
        """Try the next one."""
        return Try(self._left.pop(0)) if self._left and now < self._deadline else Stop()

    def outcome(self, provider: str, outcome: Outcome, started: float, now: float) -> None:
        """Stop when it was taken."""
        del started
        good = isinstance(outcome, Accepted)
        self._peer.learn(provider, now, good=good)
        if good:
            self._left = []

    def reported(self, provider: str, accepted_at: float, *, delivered: bool, now: float) -> bool:
        """Heed no report."""
        del provider, accepted_at, delivered, now
        return False

    def confirmed(self, provider: str, accepted_at: float, now: float) -> None:
        """Heed no confirmation."""


class FirstUp(Peer):
    """The first provider of the list that did not fail at its last try; the others after it (Kannel, Jasmin)."""

    name = "first up"
    check = 10.0
    """Seconds until one that failed is tried again."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._down: dict[str, float] = {}

    def order(self, now: float) -> Sequence[str]:
        """Put those that are up before those that are down."""
        return sorted(self._by_price, key=lambda name: self._down.get(name, -inf) > now)

    def learn(self, provider: str, now: float, *, good: bool) -> None:
        """Remember who is down."""
        self._down[provider] = -inf if good else now + self.check


class RoundRobin(Peer):
    """In turn, and one that failed rests for 60 seconds (Symfony Notifier)."""

    name = "round robin, 60 s rest"
    rest = 60.0

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._resting: dict[str, float] = {}
        self._turn = 0

    def order(self, now: float) -> Sequence[str]:
        """Begin with the next one; those that rest come last."""
        self._turn += 1
        names = self._by_price
        turned = [names[(self._turn + place) % len(names)] for place in range(len(names))]
        return sorted(turned, key=lambda name: self._resting.get(name, -inf) > now)

    def learn(self, provider: str, now: float, *, good: bool) -> None:
        """Give one that failed a rest."""
        if not good:
            self._resting[provider] = now + self.rest


class CoolDown(Peer):
    """At random among those that failed less than three times within the last minute (LiteLLM)."""

    name = "cool-down after 3 failures a minute"
    limit = 3
    rest = 60.0

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._failures: dict[str, deque[float]] = {}
        self._cooling: dict[str, float] = {}

    def order(self, now: float) -> Sequence[str]:
        """Shuffle; those that cool down come last."""
        names = list(self._by_price)
        self._random.shuffle(names)
        return sorted(names, key=lambda name: self._cooling.get(name, -inf) > now)

    def learn(self, provider: str, now: float, *, good: bool) -> None:
        """Count the failures of the last minute."""
        if good:
            return
        failures = self._failures.setdefault(provider, deque())
        failures.append(now)
        while failures[0] < now - 60.0:
            failures.popleft()
        if len(failures) >= self.limit:
            self._cooling[provider] = now + self.rest


class LeastCost(Peer):
    """The cheapest first, the next cheapest when it refuses (least-cost routing by list)."""

    name = "least-cost list"

    def order(self, now: float) -> Sequence[str]:
        """Return the price list."""
        del now
        return self._by_price


class InARow(Peer):
    """The cheapest whose breaker is closed: five failures in a row open it for 30 seconds (most breaker libraries)."""

    name = "breaker, 5 in a row"
    limit = 5
    rest = 30.0

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._failures: dict[str, int] = {}
        self._open: dict[str, float] = {}

    def order(self, now: float) -> Sequence[str]:
        """Leave out those whose breaker is open, unless all are."""
        closed = [name for name in self._by_price if self._open.get(name, -inf) <= now]
        return closed or self._by_price

    def learn(self, provider: str, now: float, *, good: bool) -> None:
        """Count failures in a row."""
        self._failures[provider] = 0 if good else self._failures.get(provider, 0) + 1
        if self._failures[provider] >= self.limit:
            self._open[provider] = now + self.rest


class LowestErrorRate(Peer):
    """The lowest share of failures within the last five minutes; the cheaper one of equals."""

    name = "lowest error rate"
    window = 300.0

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._recent: dict[str, deque[tuple[float, bool]]] = {name: deque() for name in self._by_price}

    def order(self, now: float) -> Sequence[str]:
        """Order by the share of failures, in steps of one in a hundred."""
        return sorted(self._by_price, key=lambda name: self._errors(name, now))

    def learn(self, provider: str, now: float, *, good: bool) -> None:
        """Remember the result."""
        self._recent[provider].append((now, good))

    def _errors(self, name: str, now: float) -> float:
        recent = self._recent[name]
        while recent and recent[0][0] < now - self.window:
            recent.popleft()
        return round(sum(not good for _, good in recent) / len(recent), 2) if recent else 0.0


BASELINES: tuple[type[Peer], ...] = (FirstUp, RoundRobin, CoolDown, LeastCost, InARow, LowestErrorRate)


def baselines(scene: Scene) -> list[Policy]:
    """Return one of each."""
    return [kind(scene) for kind in BASELINES]
