"""The guard: lets orders of clients in or refuses them, all of an order or nothing, and says why.

Theory of operation. An order is looked at message by message, and each message is counted before the next is looked at,
so that a large order is held to the same limits as many small ones. Whatever was counted is noted, and is taken back as
a whole when a message is refused, or later when the order turns out to have been taken before. Refused messages count
nowhere: who tries again and again does not prolong his waiting.

The guard keeps figures and no messages. It is used from one event loop and waits for nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from pointsman.clock import Clock
from pointsman.config import Config
from pointsman.engine.assembly import build_routes
from pointsman.engine.orders import Admission
from pointsman.errors import Denied
from pointsman.events import Charged, Confirmed, Event, GuardRule, GuardStopped, MessageMoved
from pointsman.guard.admission import Counted
from pointsman.guard.conversion import Conversion
from pointsman.guard.days import DAY, Days, Memory
from pointsman.guard.quotas import Quotas
from pointsman.guard.reserved import NOTHING, Reserved
from pointsman.guard.rules import Limits, Refusal, limits_of, unfit
from pointsman.guard.velocity import Velocity, count, range_of
from pointsman.guard.view import Used
from pointsman.message import Channel, Envelope, MessageClass, Money
from pointsman.routing.limiter import Limiter, Pace
from pointsman.routing.match import route_of
from pointsman.routing.tariff import Rates
from pointsman.store.interface import Usage
from pointsman.store.record import FINAL

Expected = Callable[[Envelope], Decimal | None]
"""Tells what a message is going to cost at most, in the router's currency; None when nobody's price is known."""


def _pace(limits: Limits) -> Pace | None:
    rate, burst = limits.client.max_rate, limits.client.burst
    return None if rate is None else Pace(rate=rate, burst=float(burst) if burst is not None else max(rate, 1.0))


class Guard:
    """A `Screen` with the limits of a configuration. It has to observe the router's events to know what things cost.

    `expected` is asked only for clients with limits of money, `emit` is told of every stop. State: everything that was
    counted; two guards share nothing.
    """

    def __init__(self, config: Config, clock: Clock, *, expected: Expected, emit: Callable[[Event], None]) -> None:
        self._clock = clock
        self._expected = expected
        self._emit = emit
        self._days = Days()
        self._reserved = Reserved()
        self._velocity = Velocity()
        self._conversion = Conversion()
        self._limiters: dict[str, tuple[Pace, Limiter]] = {}
        self.renew(config)
        self._days.turn(clock.now(), clock.monotonic())

    def renew(self, config: Config) -> None:
        """Put another configuration in force; what was counted stays."""
        self._config = config
        self._limits = limits_of(config)
        self._rates = Rates(config.router.currency, config.rates)
        self._quotas = Quotas(self._days, self._reserved, config.guard.daily_spend)
        # As long as no client asks for it, no message is matched with the routes.
        asked = any(one.guard.min_confirmed is not None for one in self._limits.values())
        self._confirming = tuple(route for route in build_routes(config) if asked)
        self._plans = self._velocity.plan(self._limits.values())
        self._days.keep_only(self._limits)
        paces = {name: _pace(one) for name, one in self._limits.items()}
        self._limiters = {name: self._limiter(name, pace) for name, pace in paces.items() if pace is not None}

    def _limiter(self, client: str, pace: Pace) -> tuple[Pace, Limiter]:
        """Return the limiter that a client had, unless its rate is another one now."""
        known = self._limiters.get(client)
        return known if known is not None and known[0] == pace else (pace, Limiter(pace))

    def admit(self, client: str, envelopes: Sequence[Envelope]) -> Admission:
        """Let an order in, all of it or nothing. Raises `Denied` whose `rule` is one of `GuardRule`."""
        now = self._clock.monotonic()
        self._days.turn(self._clock.now(), now)
        limits = self._limits.get(client)
        if limits is None:
            problem = f"there is no client {client} in the configuration any more"
            raise self._denied(client, Refusal(rule=GuardRule.CLIENT, problem=problem))
        counted = Counted(self._days, self._reserved, self._conversion, now)
        refusal = self._whole(limits, len(envelopes), now)
        if refusal is not None:
            raise self._denied(client, refusal)
        if self._confirming:
            self._conversion.sweep(now, limits.guard.confirm_within)
        for place, envelope in enumerate(envelopes):
            refusal = self._one(limits, envelope, now, counted)
            if refusal is not None:
                counted.take_back()
                raise self._denied(client, refusal, place if len(envelopes) > 1 else None)
        if client in self._limiters:
            limiter = self._limiters[client][1]
            limiter.take(now, len(envelopes))
            counted.undo_rate = lambda: limiter.give_back(self._clock.monotonic(), len(envelopes))
        return counted

    def _whole(self, limits: Limits, count: int, now: float) -> Refusal | None:
        """Return why not even the first message of an order is let in."""
        name = limits.client.name
        if limits.stopped is not None:
            problem = f"everything of the client {name} is stopped; the operator lifts it in {limits.stopped}"
            return Refusal(rule=GuardRule.STOPPED, problem=problem)
        if name in self._limiters and (wait := self._limiters[name][1].wait(now)):
            problem = f"faster than {limits.client.max_rate:g} messages a second; slow down"
            return Refusal(rule=GuardRule.MAX_RATE, problem=problem, retry_after=wait)
        return self._quotas.messages(limits, count, self._until_tomorrow())

    def _one(self, limits: Limits, envelope: Envelope, now: float, counted: Counted) -> Refusal | None:
        """Count a message, or return why it may not be sent."""
        client = limits.client.name
        refusal = unfit(limits, envelope)
        if refusal is not None:
            return refusal
        price = self._expected(envelope) if limits.priced else None
        if envelope.channel is Channel.HLR:
            refusal = self._quotas.lookups(limits, self._until_tomorrow)
        if limits.priced and refusal is None:
            refusal = self._quotas.money(limits, envelope, price, self._until_tomorrow)
        if refusal is not None:
            return refusal
        if self._confirming and (refusal := self._codes(limits, envelope, now, counted)) is not None:
            return refusal
        subjects = self._plans[client].subjects(envelope, self._is_usual)
        refusal = count(subjects, envelope, now)
        if refusal is not None:
            return refusal
        counted.subjects.append(subjects)
        counted.message(client, envelope)
        if price is not None and (gone := self._reserved.hold(envelope.id, client, price)) is not None:
            self._days.spend(*gone)
        return None

    def _codes(self, limits: Limits, envelope: Envelope, now: float, counted: Counted) -> Refusal | None:
        """Begin to wait for a code to be confirmed, or return that too few are where it would go."""
        share = limits.guard.min_confirmed
        if share is None or envelope.message.message_class is not MessageClass.OTP or envelope.channel is Channel.HLR:
            return None
        route = route_of(self._confirming, envelope)
        if route is None or not route.confirms:
            return None
        guard = limits.guard
        key = hash((limits.client.name, "codes", range_of(envelope.to)))
        wait = self._conversion.too_few(key, share, guard.confirmed_of, now)
        if wait is None:
            self._conversion.sent(envelope.id, key, now)
            counted.codes.append(envelope.id)
            return None
        country = envelope.network.country
        where = f" in {country}" if country else ""
        problem = f"of the codes sent to one range of numbers{where} fewer than {share:.0%} were entered; look into it"
        rule = GuardRule.MIN_CONFIRMED
        return Refusal(rule=rule, problem=problem, retry_after=wait, channel=envelope.channel, country=country)

    def __call__(self, event: Event) -> None:
        """Take in what messages turned out to cost, and which codes were entered; an observer of the router."""
        if isinstance(event, MessageMoved):
            if event.after in FINAL:
                self._reserved.release(event.message_id)
        elif isinstance(event, Charged):
            self._days.turn(self._clock.now(), self._clock.monotonic())
            self._reserved.release(event.message_id)
            if self._rates.knows(event.price.currency):
                self._days.spend(event.client, self._rates.comparable(event.price))
        elif isinstance(event, Confirmed):
            self._conversion.confirmed(event.message_id, self._clock.monotonic())

    @property
    def day(self) -> str:
        """The day whose quotas are counted (UTC), such as `2026-11-28`."""
        return self._days.name

    def recall(self, usage: Iterable[Usage], memory: Memory | None) -> None:
        """Take up what was used today before a restart, and what was written down."""
        for one in usage:
            if one.day == self._days.name:
                prices = [
                    Money(amount, currency) for currency, amount in one.spent.items() if self._rates.knows(currency)
                ]
                self._days.figures[one.client].messages = one.messages
                spent = sum((self._rates.comparable(price) for price in prices), NOTHING)
                self._days.spend(one.client, spent - self._days.figures[one.client].spent)
        if memory is not None:
            self._days.recall(memory)

    def memory(self) -> Memory:
        """Return what has to be written down to be known after a restart."""
        return self._days.memory()

    def usage(self) -> tuple[Used, ...]:
        """Return what every client used today, by name."""
        self._days.turn(self._clock.now(), self._clock.monotonic())
        return tuple(self._used(self._limits[name]) for name in sorted(self._limits))

    def _used(self, limits: Limits) -> Used:
        client, figures = limits.client, self._days.figures[limits.client.name]
        return Used(
            client=client.name,
            day=self._days.name,
            messages=figures.messages,
            daily_messages=client.daily_messages,
            lookups=figures.lookups,
            lookups_per_day=client.lookups_per_day,
            spent=figures.spent,
            reserved=self._reserved.of(client.name),
            daily_spend=client.daily_spend,
            stopped=limits.stopped is not None,
        )

    def _is_usual(self, client: str, country: str) -> bool:
        """Say whether a client sends to a country anyway; the router's own country is always usual."""
        if country == self._config.router.region:
            return True
        return self._days.sent_before(client, country) >= self._limits[client].guard.unusual_below

    def _until_tomorrow(self) -> float:
        wall = self._clock.now()
        return min(max((self._days.day + 1) * DAY - wall, 1.0), DAY)

    def _denied(self, client: str, refusal: Refusal, place: int | None = None) -> Denied:
        self._emit(
            GuardStopped(
                at=self._clock.now(),
                client=client,
                rule=refusal.rule,
                channel=refusal.channel,
                country=refusal.country,
                retry_after=refusal.retry_after,
            )
        )
        problem = refusal.problem if place is None else f"message {place}: {refusal.problem}; nothing was taken"
        return Denied(refusal.rule, problem, refusal.retry_after)
