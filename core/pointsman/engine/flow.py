"""The attempt loop: choose, attempt, decide, until somebody took the message or nobody will."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from random import Random
from typing import Self

import msgspec

from pointsman.clock import Clock
from pointsman.engine.attempts import Attempts, Made
from pointsman.engine.bus import Bus
from pointsman.engine.doubts import Doubt
from pointsman.engine.ids import Ids
from pointsman.engine.looking import Looking
from pointsman.engine.parsing import Parsed
from pointsman.engine.queue import Withdrawn
from pointsman.engine.recorder import Recorder
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.events import Decided, FailedOver
from pointsman.message import Envelope
from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, Report, SettledBy, State, Unknown
from pointsman.routing.candidate import Decision
from pointsman.routing.choose import Chooser, Moment
from pointsman.routing.exploring import Purse
from pointsman.routing.failover import (
    Finish,
    GoOn,
    LookInto,
    OnUnknown,
    Past,
    Repeat,
    Situation,
    Step,
    after_bad_report,
    decide,
    final_state,
)
from pointsman.routing.journal import DecisionMade
from pointsman.routing.match import Route, preference
from pointsman.store.change import End
from pointsman.store.record import Record, is_final


class Desk(msgspec.Struct, kw_only=True, eq=False):
    """What every flow needs; one for a router."""

    stations: Mapping[str, Station]
    chooser: Chooser
    attempts: Attempts
    looking: Looking
    resolving: Resolving
    recorder: Recorder
    bus: Bus
    clock: Clock
    ids: Ids
    random: Random
    replay: Callable[[Attempt], Awaitable[None]]
    """Hands over the reports that came under an attempt's reference before its outcome was known."""
    purse: Purse = msgspec.field(default_factory=Purse)
    closing: bool = False

    def moment(self, allowance: float = 0.0) -> Moment:
        """Return now, for a choice; one that is not going to be acted on has nothing to explore with."""
        return Moment(wall=self.clock.now(), monotonic=self.clock.monotonic(), random=self.random, allowance=allowance)


class Flow:
    """The way of one message from provider to provider.

    State: the attempts so far, who had their turn, who is waited for, whether the caller gave up, and whether a report
    told that an attempt in doubt was taken after all.
    """

    def __init__(self, desk: Desk, envelope: Envelope, route: Route | None) -> None:
        self._desk = desk
        self._envelope = envelope
        self._route = route
        self._past: list[Past] = []
        self._tried: set[str] = set()
        self._only: str | None = None
        self._refs: dict[str, str] = {}
        """By provider, the reference under which a repeat cannot duplicate anything."""
        self._number = 0
        self._decisions = 0
        self._resent = False
        self._given_up = False
        self._taken = False
        self._is_dead = False
        self.news = asyncio.Event()
        """Set when the message needs nothing more."""
        self.doubts: list[Doubt] = []
        """Attempts that stayed unknown although their provider can be asked."""

    @classmethod
    def resumed(cls, desk: Desk, record: Record, route: Route | None) -> Self:
        """Return the way of a message that a provider lost after it had taken it; it goes on where it was."""
        flow = cls(desk, record.envelope, route)
        flow._past = [Past(attempt.provider, attempt.outcome, looked_into=True) for attempt in record.attempts]
        flow._tried = {attempt.provider for attempt in record.attempts}
        flow._number = len(record.attempts)
        flow._decisions = len(record.attempts)
        flow._resent = True
        return flow

    def may_go_on(self, provider: str, report: Report) -> bool:
        """Say whether the message is sent again after what is reported of it."""
        return not self._unwanted() and after_bad_report(report, self._situation(provider))

    async def run(self) -> Record:
        """Attempt until the message is taken or nobody is left; return its record."""
        last: str | None = None
        while True:
            if self._unwanted():
                return await self.abandon()
            decision = self._next_choice()
            self._desk.bus.emit(DecisionMade(at=decision.at, decision=decision))
            candidate = decision.chosen
            if candidate is None:
                return await self._nobody(decision)
            # Before anything is waited for: others that decide meanwhile must not spend the same allowance.
            self._desk.purse.note(self._envelope.channel, decision)
            made = await self._desk.attempts.make(
                self._envelope,
                decision,
                self._number + 1,
                self._unwanted,
                self._refs.get(candidate.provider),
                resent=self._resent,
            )
            if isinstance(made, Withdrawn):
                ended = await self._withdrawn(made)
                if ended is not None:
                    return ended
                continue
            if last is not None and last != candidate.provider:
                self._failed_over(last, candidate.provider)
            self._number += 1
            last = candidate.provider
            step = await self._after(made)
            match step:
                case Finish(state):
                    return await self._finish(state)
                case GoOn():
                    self._tried.add(last)
                case Repeat(wait):
                    self._keep_ref(made)
                    await self._pause(wait)
                    self._only = last
                case LookInto():
                    raise AssertionError("an outcome is looked into once")

    def give_up(self) -> None:
        """Try nothing more: the caller does not want it any more, or the router closes."""
        self._given_up = True
        self.news.set()

    def took(self) -> None:
        """Try nothing more: an attempt whose outcome was unknown turned out to be accepted."""
        self._taken = True
        self.news.set()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not for longer than the message is wanted."""
        waiting = {
            asyncio.ensure_future(self._desk.clock.sleep(seconds)),
            asyncio.ensure_future(_told(self.news)),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def abandon(self) -> Record:
        """Write down that nothing more is going to be tried; a message that was taken meanwhile stays as it is."""
        if self._taken:
            return await self._finish(State.SENT)
        record = await self._desk.recorder.get(self._envelope.id)
        in_flight = record is not None and record.intent is not None
        in_doubt = in_flight or any(isinstance(past.outcome, Unknown) for past in self._past)
        return await self._end(State.UNKNOWN if in_doubt else State.CANCELLED, self._reason())

    def _keep_ref(self, made: Made) -> None:
        limits = self._desk.stations[made.attempt.provider].view.limits[self._envelope.channel]
        if limits.repeat_safe:
            self._refs[made.attempt.provider] = made.submission.ref

    @property
    def is_given_up(self) -> bool:
        """Whether the caller does not want it any more, the router closes, or its number does not exist."""
        return self._given_up or self._is_dead

    @property
    def parsed(self) -> Parsed:
        """The message as it is known by now, and the route that is for it."""
        return Parsed(self._envelope, self._route)

    def relocate(self, envelope: Envelope, route: Route | None) -> None:
        """Go on, before the first attempt, with what a lookup told of the number."""
        self._envelope, self._route = envelope, route

    async def refuse(self, reason: Refused) -> Record:
        """Write down that the message is not sent at all, nor an SMS in its place: its number does not exist."""
        self._is_dead = True
        return await self._end(State.FAILED, reason)

    @property
    def has_budget(self) -> bool:
        """Whether the message may be attempted once more."""
        most = self._route.max_attempts if self._route is not None else 1
        return self._number < most and self._desk.clock.now() < self._envelope.deadline

    def _unwanted(self) -> bool:
        return self._given_up or self._taken or self._desk.closing

    async def again(self, excluding: str) -> Record:
        """Go on after a provider took the message and then reported that it could not do it."""
        self._tried.add(excluding)
        self._taken = False
        self.news.clear()
        return await self.run()

    async def settle_for(self, record: Record) -> Record:
        """Write down that nobody else is asked after a provider could not do it."""
        return record if is_final(record) else await self._end(State.FAILED, None)

    def _next_choice(self) -> Decision:
        """Choose among all, or the provider that was waited for unless it went out of use during the wait."""
        only, self._only = self._only, None
        if only is not None:
            decision = self._choose(only)
            if decision.chosen is not None and not decision.chosen.forced:
                return decision
            if decision.chosen is None:
                self._tried.add(only)
        return self._choose(None)

    def _choose(self, only: str | None) -> Decision:
        tried: Iterable[str] = self._tried
        if only is not None and self._route is not None:
            tried = [name for name in self._route.providers if name != only]
        desk = self._desk
        self._decisions += 1
        decision = desk.chooser.choose(
            self._envelope,
            self._route,
            desk.moment(desk.purse.allowance(self._envelope.channel)),
            tried=tried,
            decision_id=f"{self._envelope.id}-{self._decisions}",
        )
        desk.bus.emit(
            Decided(
                at=decision.at,
                message_id=self._envelope.id,
                decision_id=decision.id,
                provider=decision.chosen.provider if decision.chosen is not None else None,
                strategy=decision.strategy,
                reason=decision.reason,
            )
        )
        return decision

    async def _after(self, made: Made) -> Step:
        """Return the next step after an attempt, looking into it first where that may tell more."""
        provider, outcome = made.attempt.provider, made.attempt.outcome
        if isinstance(outcome, Unknown):
            await self._desk.replay(made.attempt)
            outcome = await self._known(made)
        self._past.append(Past(provider, outcome))
        if isinstance(outcome, Accepted):
            return Finish(State.SENT)
        step = decide(self._situation(provider))
        if not isinstance(step, LookInto):
            return step
        station = self._desk.stations[provider]
        looking, policy = self._desk.looking, self._on_unknown()
        found = await looking.look_into(station, self._envelope, made.attempt, made.submission, policy)
        if isinstance(found, Unknown):
            found = await self._known(made)
        if isinstance(found, Unknown):
            self.doubts.append(
                Doubt(station=station, envelope=self._envelope, attempt=made.attempt, sent=made.submission)
            )
        else:
            await self._desk.resolving.resolve(self._envelope, made.attempt, found, SettledBy.RECONCILED)
        self._past[-1] = Past(provider, found, looked_into=True)
        return decide(self._situation(provider))

    async def _known(self, made: Made) -> Outcome:
        """Return what is written down about an attempt: a report may have told while it was looked into."""
        record = await self._desk.recorder.get(self._envelope.id)
        return record.attempts[made.attempt.number - 1].outcome if record is not None else made.attempt.outcome

    def _situation(self, provider: str) -> Situation:
        desk = self._desk
        route = self._route
        reconcilable = desk.stations[provider].reconciling(self._envelope.channel) is not None
        return Situation(
            past=self._past,
            max_attempts=route.max_attempts if route is not None else 1,
            now=desk.clock.now(),
            deadline=self._envelope.deadline,
            another=self._another(provider),
            can_reconcile=reconcilable,
            on_unknown=self._on_unknown(),
        )

    def _on_unknown(self) -> OnUnknown:
        if self._desk.closing:
            return OnUnknown.STOP
        return preference(self._route, self._envelope)

    def _another(self, provider: str) -> bool:
        desk = self._desk
        peek = desk.chooser.choose(
            self._envelope, self._route, desk.moment(), tried={*self._tried, provider}, decision_id=""
        )
        return peek.chosen is not None

    async def _withdrawn(self, why: Withdrawn) -> Record | None:
        match why:
            case Withdrawn.BREAKER | Withdrawn.DUE:
                return None
            case Withdrawn.LATE:
                return await self._end(final_state(self._past, late=True), self._reason())
            case Withdrawn.CANCELLED:
                return await self.abandon()

    async def _nobody(self, decision: Decision) -> Record:
        """Nobody can take it (any more): the reason is the last refusal, or why nobody was a candidate at all."""
        late = self._desk.clock.now() >= self._envelope.deadline
        reason = self._reason() or Refused(
            fault=Fault.NO_ROUTE,
            detail="; ".join(f"{one.provider}: {one.why} {one.detail}".strip() for one in decision.excluded)
            or "no route is for this message",
        )
        return await self._end(final_state(self._past, late=late), reason)

    async def _finish(self, state: State) -> Record:
        if state is State.SENT:
            record = await self._desk.recorder.get(self._envelope.id)
            if record is None:
                raise KeyError(self._envelope.id)
            return record
        return await self._end(state, self._reason())

    async def _end(self, state: State, reason: Refused | None) -> Record:
        return (await self._desk.recorder.change(self._envelope.id, End(state, reason)))[1]

    def _reason(self) -> Refused | None:
        for past in reversed(self._past):
            if isinstance(past.outcome, Refused):
                return past.outcome
        return None

    def _failed_over(self, before: str, after: str) -> None:
        outcome = self._past[-1].outcome
        self._desk.bus.emit(
            FailedOver(
                at=self._desk.clock.now(),
                message_id=self._envelope.id,
                from_provider=before,
                to_provider=after,
                fault=outcome.fault if isinstance(outcome, Refused) else None,
            )
        )


async def _told(event: asyncio.Event) -> None:
    await event.wait()
