"""Playing a scenario: a policy sends its messages in virtual time, and what that cost is added up."""

import heapq
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Protocol

import msgspec

from pointsman.message import Money
from pointsman.outcome import Accepted, Fault, Outcome, Refused, Unknown, UnknownReason
from pointsman.routing.price import ChargedOn
from pointsman.testing.simulator.world import Fate, Letter, Upstream, World, fate_of, letters, toss


class Try(msgspec.Struct, frozen=True):
    """Send the message by this provider now."""

    provider: str


class Wait(msgspec.Struct, frozen=True):
    """Ask again after so many seconds."""

    seconds: float


class Stop(msgspec.Struct, frozen=True):
    """Do nothing more for the message, unless a report changes that."""


class Look(msgspec.Struct, frozen=True):
    """Look the number up and ask again when its lookup has told: the network, or None for a number that is dead."""

    found: Callable[[str | None], None]


Action = Try | Wait | Look | Stop

LOOKUP_LATENCY = 2.0
"""Seconds that a lookup takes."""


class Journey(Protocol):
    """The way of one message under a policy."""

    def act(self, now: float) -> Action:
        """Return what to do now."""
        ...

    def outcome(self, provider: str, outcome: Outcome, started: float, now: float) -> None:
        """Learn what became of the last attempt."""
        ...

    def reported(self, provider: str, accepted_at: float, *, delivered: bool, now: float) -> bool:
        """Learn what a provider reports; return whether something is to be done because of it."""
        ...

    def confirmed(self, provider: str, accepted_at: float, now: float) -> None:
        """Learn that the recipient has seen the message, which the provider took at `accepted_at`."""
        ...


class Policy(Protocol):
    """A rule by which messages are routed."""

    name: str

    def journey(self, letter: Letter, now: float) -> Journey:
        """Return the way of a new message."""
        ...


class Scene(msgspec.Struct, kw_only=True):
    """What a policy may be given to look at: the world as it is, and the state of the accounts in this run."""

    world: World
    seed: int
    balances: dict[str, Decimal | None]
    tokens: dict[str, "Tokens"]


class Tokens(msgspec.Struct, kw_only=True):
    """What is left of a provider's pace."""

    rate: float
    left: float
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Use one up, if there is one."""
        self.refill(now)
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True

    def refill(self, now: float) -> None:
        """Add what has come since."""
        self.left = min(self.left + (now - self.at) * self.rate, max(self.rate, 1.0))
        self.at = now


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy made of a scenario. Money in the router's currency."""

    policy: str
    scenario: str
    seed: int
    messages: int
    """That could be delivered at all."""
    delivered: int
    """In time."""
    copies: int
    """Messages that arrived more than once, each time but the first."""
    money: Decimal
    lost: Decimal
    """The value of what was not delivered in time."""
    shares: dict[str, int] = {}
    """Accepted messages by provider."""
    lookups: int = 0

    @property
    def total(self) -> Decimal:
        """Money and lost value together."""
        return self.money + self.lost

    @property
    def share(self) -> float:
        """The share that was delivered in time."""
        return self.delivered / self.messages if self.messages else 1.0


MakePolicy = Callable[[Scene], Policy]


class Run:
    """One policy in one scenario. State: the events to come, the accounts, and what has arrived."""

    def __init__(self, world: World, seed: int, make: MakePolicy) -> None:
        self._world = world
        self._seed = seed
        self._places = {upstream.name: place for place, upstream in enumerate(world.upstreams)}
        self._scene = Scene(
            world=world,
            seed=seed,
            balances={upstream.name: upstream.balance for upstream in world.upstreams},
            tokens={
                upstream.name: Tokens(rate=upstream.rate, left=upstream.rate)
                for upstream in world.upstreams
                if upstream.rate is not None
            },
        )
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._money = Decimal(0)
        self._arrived: dict[int, list[float]] = {}
        self._shares: dict[str, int] = {}
        self._lookups = 0
        self._policy = make(self._scene)

    def play(self) -> Result:
        """Play to the end and return what came of it."""
        mail = letters(self._world, self._seed)
        for letter in mail:
            self._at(letter.at, partial(self._begin, letter))
        for upstream in self._world.upstreams:
            for when, amount in upstream.top_ups:
                self._at(when, partial(self._top_up, upstream.name, amount))
        while self._events:
            now, _, event = heapq.heappop(self._events)
            event(now)
        return self._result(mail)

    def _result(self, mail: list[Letter]) -> Result:
        delivered = copies = 0
        lost = Decimal(0)
        possible = [letter for letter in mail if not letter.dead]
        for letter in possible:
            times = sorted(self._arrived.get(letter.index, ()))
            copies += max(len(times) - 1, 0)
            if times and times[0] <= letter.at + self._world.life:
                delivered += 1
            else:
                lost += self._world.losses[letter.message_class]
        return Result(
            policy=self._policy.name,
            scenario=self._world.name,
            seed=self._seed,
            messages=len(possible),
            delivered=delivered,
            copies=copies,
            money=self._money,
            lost=lost,
            shares=self._shares,
            lookups=self._lookups,
        )

    def _at(self, when: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), event))

    def _top_up(self, provider: str, amount: Decimal, now: float) -> None:
        del now
        balance = self._scene.balances[provider]
        if balance is not None:
            self._scene.balances[provider] = balance + amount

    def _begin(self, letter: Letter, now: float) -> None:
        self._go_on(letter, self._policy.journey(letter, now), 0, now)

    def _go_on(self, letter: Letter, journey: Journey, tries: int, now: float) -> None:
        match journey.act(now):
            case Try(provider):
                self._submit(letter, journey, provider, tries, now)
            case Wait(seconds):
                self._at(now + seconds, lambda later: self._go_on(letter, journey, tries, later))
            case Look(found):
                self._look_up(letter, found)
                self._at(now + LOOKUP_LATENCY, lambda later: self._go_on(letter, journey, tries, later))
            case Stop():
                pass

    def _look_up(self, letter: Letter, found: Callable[[str | None], None]) -> None:
        self._lookups += 1
        self._money += self._world.lookup_price or 0
        found(None if letter.dead else letter.network)

    def _submit(self, letter: Letter, journey: Journey, provider: str, tries: int, now: float) -> None:
        place = self._places[provider]
        upstream = self._world.upstreams[place]
        outcome, seconds, fate = self._outcome(letter, upstream, place, tries, now)
        if fate is not None:
            self._took(letter, journey, upstream, fate, now + seconds, known=isinstance(outcome, Accepted))

        def answered(later: float) -> None:
            journey.outcome(provider, outcome, now, later)
            self._go_on(letter, journey, tries + 1, later)

        self._at(now + seconds, answered)

    def _outcome(
        self, letter: Letter, upstream: Upstream, place: int, tries: int, now: float
    ) -> tuple[Outcome, float, Fate | None]:
        """Return the answer to a request, how long it takes, and the fate of the message if it was taken."""
        quality = upstream.quality(letter.network, now)
        price = upstream.price(letter.network, now)
        tokens = self._scene.tokens.get(upstream.name)
        if now < upstream.joins:
            return Refused(fault=Fault.UNAVAILABLE), quality.latency, None
        if tokens is not None and not tokens.take(now):
            return Refused(fault=Fault.THROTTLED), quality.latency, None
        balance = self._scene.balances[upstream.name]
        if balance is not None and balance < price:
            return Refused(fault=Fault.CREDITS), quality.latency, None
        luck = toss(self._seed, letter.index, place, 32 + tries)
        if luck >= quality.taken + quality.doubt:
            return Refused(fault=Fault.UNAVAILABLE), quality.latency, None
        fate = fate_of(self._seed, letter, place, quality, self._world.confirmed)
        if luck >= quality.taken:
            taken = toss(self._seed, letter.index, place, 64 + tries) < 0.5
            return Unknown(reason=UnknownReason.TIMEOUT), quality.patience, fate if taken else None
        told = Money(price, "EUR") if upstream.tells_price else None
        return Accepted(ids=(str(letter.index),), price=told), quality.latency, fate

    def _took(
        self, letter: Letter, journey: Journey, upstream: Upstream, fate: Fate, at: float, *, known: bool
    ) -> None:
        price = upstream.price(letter.network, at)
        if upstream.charged_on is ChargedOn.SUBMIT or fate.delivered is not None or fate.told:
            self._money += price
            balance = self._scene.balances[upstream.name]
            if balance is not None:
                self._scene.balances[upstream.name] = balance - price
        self._shares[upstream.name] = self._shares.get(upstream.name, 0) + 1
        if fate.delivered is not None:
            self._arrived.setdefault(letter.index, []).append(at + fate.delivered)
        if not known:
            return  # no id was told, so no report can be matched
        told = fate.told
        if told is not None:
            told_at = at + fate.told_after

            def reported(later: float) -> None:
                if journey.reported(upstream.name, at, delivered=told, now=later):
                    self._go_on(letter, journey, 9, later)

            self._at(told_at, reported)
        if fate.confirmed_after is not None:
            self._at(at + fate.confirmed_after, lambda later: journey.confirmed(upstream.name, at, later))


def play(world: World, seed: int, make: MakePolicy) -> Result:
    """Play a scenario under a policy."""
    return Run(world, seed, make).play()
