"""The attempt loop: choose, attempt, decide, until somebody took the message or nobody will."""

import asyncio
from typing import Self

from pointsman.engine.attempts import Made
from pointsman.engine.desk import Desk
from pointsman.engine.doubts import Doubt
from pointsman.engine.options import Options
from pointsman.engine.parsing import Parsed
from pointsman.engine.pausing import pause
from pointsman.engine.queue import Withdrawn
from pointsman.engine.recorder import pause_after
from pointsman.engine.restoring import history_of, submission_again
from pointsman.engine.station import Station
from pointsman.errors import StoreUnavailable
from pointsman.events import FailedOver
from pointsman.message import Envelope
from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, Report, SettledBy, State, Unknown
from pointsman.routing.candidate import Decision
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
from pointsman.store.record import Record, is_final, may_repeat


class Flow:
    """The way of one message from provider to provider.

    State: the attempts so far, who may still take it, whether the caller gave up, and whether a report told that an
    attempt in doubt was taken after all.
    """

    def __init__(self, desk: Desk, envelope: Envelope, route: Route | None) -> None:
        self._desk = desk
        self._envelope = envelope
        self._last_route = route
        self._past: list[Past] = []
        self._options = Options(desk)
        self._refs: dict[str, str] = {}
        """By provider, the reference under which a repeat cannot duplicate anything."""
        self._number = 0
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
        flow._options = Options(desk, {attempt.provider for attempt in record.attempts}, history_of(record).decisions)
        flow._number = len(record.attempts)
        flow._resent = True
        return flow

    @classmethod
    def restored(cls, desk: Desk, record: Record, route: Route | None) -> Self:
        """Return the way of a message that somebody began who is gone; `resume` goes on where it was."""
        flow = cls(desk, record.envelope, route)
        history = history_of(record)
        flow._past = list(history.past)
        flow._options = Options(desk, history.tried, history.decisions)
        flow._number = len(record.attempts)
        flow._resent = record.resuming
        return flow

    @property
    def _route(self) -> Route | None:
        """The route that is for the message by the rules in force: a new configuration may have another one."""
        self._last_route = self._desk.in_force(self._envelope, self._last_route)
        return self._last_route

    def may_go_on(self, provider: str, report: Report) -> bool:
        """Say whether the message is sent again after what is reported of it."""
        return not self._unwanted() and after_bad_report(report, self._situation(provider))

    async def resume(self, record: Record) -> Record:
        """Go on with a message that was attempted before; `record` is what is known of it."""
        attempt = record.attempts[-1]
        if isinstance(attempt.outcome, Accepted):
            return await self.run() if record.resuming else record
        station = self._desk.stations.get(attempt.provider)
        if station is None or not station.holds(attempt):  # nobody can be asked: another account knows nothing of it
            await self._desk.replay(attempt)
            self._past[-1] = Past(attempt.provider, await self._known(attempt), looked_into=True)
            step = decide(self._situation(attempt.provider))
        else:
            made = Made(station=station, attempt=attempt, submission=submission_again(station, self._envelope, attempt))
            self._past.pop()
            step = await self._after(made)
            if isinstance(step, Repeat):
                self._keep_ref(made)
        return await self._go_on(step, attempt.provider)

    async def run(self) -> Record:
        """Attempt until the message is taken or nobody is left; return its record."""
        return await self._go_on(None, None)

    async def _go_on(self, step: Step | None, last: str | None) -> Record:
        """Take a step after an attempt at `last`, and those that follow."""
        while True:
            match step:
                case Finish(state):
                    return await self._finish(state)
                case GoOn() if last is not None:
                    self._options.tried.add(last)
                case Repeat(wait):
                    await pause(self._desk.clock, wait, self.news)  # no longer than the message is wanted
                    self._options.only = last
                case LookInto():
                    # Once it was looked into there is another step, unless the router closes and leaves it to the next.
                    return await self.abandon()
                case _:
                    pass
            made = await self._attempt(last)
            if isinstance(made, Record):
                return made
            last = made.attempt.provider
            step = await self._after(made)
            if isinstance(step, Repeat):
                self._keep_ref(made)

    async def _attempt(self, last: str | None) -> Made | Record:
        """Choose and attempt until an attempt was made; return it, or the record of a message that has ended."""
        failures = 0
        while True:
            if self._unwanted():
                return await self.abandon()
            decision = self._options.next(self._envelope, self._route)
            self._desk.bus.emit(DecisionMade(at=decision.at, decision=decision))
            candidate = decision.chosen
            if candidate is None:
                return await self._nobody(decision)
            # Before anything is waited for: others that decide meanwhile must not spend the same allowance.
            self._desk.purse.note(self._envelope.channel, decision)
            try:
                made = await self._desk.attempts.make(
                    self._envelope,
                    decision,
                    self._number + 1,
                    self._unwanted,
                    self._refs.get(candidate.provider),
                    resent=self._resent,
                )
            except StoreUnavailable:  # nothing has left, and nothing is lost: it is tried when the store works again
                failures += 1
                await pause(self._desk.clock, pause_after(failures), self.news)
                continue
            if isinstance(made, Withdrawn):
                ended = await self._withdrawn(made)
                if ended is not None:
                    return ended
                continue
            if last is not None and last != candidate.provider:
                self._failed_over(last, candidate.provider)
            self._number += 1
            return made

    def give_up(self) -> None:
        """Try nothing more: the caller does not want it any more, or the router closes."""
        self._given_up = True
        self.news.set()

    def leave(self) -> None:
        """Try nothing more now: the router closes, and the next start goes on."""
        self.news.set()

    async def expire(self) -> Record:
        """Write down that the life of the message was over before it could be attempted."""
        return await self._end(final_state(self._past, late=True), self._reason())

    def took(self) -> None:
        """Try nothing more: an attempt whose outcome was unknown turned out to be accepted."""
        self._taken = True
        self.news.set()

    async def abandon(self) -> Record:
        """Write down that nothing more is going to be tried; a message that was taken meanwhile stays as it is.

        So does every message that its caller still wants where the next start goes on with it.
        """
        if self._taken or (self._desk.leaving and not self._given_up):
            return await self._as_it_is()
        record = await self._desk.recorder.known(self._envelope.id)
        in_flight = record is not None and record.intent is not None
        in_doubt = in_flight or any(isinstance(past.outcome, Unknown) for past in self._past)
        return await self._end(State.UNKNOWN if in_doubt else State.CANCELLED, self._reason())

    def _keep_ref(self, made: Made) -> None:
        limits = made.station.view.limits.get(self._envelope.channel)
        if limits is not None and limits.repeat_safe and self._is_at(made.station):
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
        self._envelope, self._last_route = envelope, route

    async def refuse(self, reason: Refused) -> Record:
        """Write down that the message is not sent at all, nor an SMS in its place: its number does not exist."""
        self._is_dead = True
        return await self._end(State.FAILED, reason)

    @property
    def has_budget(self) -> bool:
        """Whether the message may be attempted once more."""
        most = self._route.max_attempts if self._route is not None else 1
        return self._number < most and self._desk.clock.now() < self._envelope.deadline

    async def _is_wanted(self) -> bool:
        """Say whether a message in doubt may be repeated to find out; what is written down counts, whoever wrote it."""
        if self._given_up:
            return False
        record = await self._desk.recorder.known(self._envelope.id)
        return record is not None and may_repeat(record)

    def _unwanted(self) -> bool:
        return self._given_up or self._taken or self._desk.closing

    async def again(self, excluding: str) -> Record:
        """Go on after a provider took the message and then reported that it could not do it."""
        self._options.tried.add(excluding)
        self._taken = False
        self.news.clear()
        return await self.run()

    async def settle_for(self, record: Record) -> Record:
        """Write down that nobody else is asked after a provider could not do it."""
        return record if is_final(record) else await self._end(State.FAILED, None)

    async def _after(self, made: Made) -> Step:
        """Return the next step after an attempt, looking into it first where that may tell more."""
        provider, outcome = made.attempt.provider, made.attempt.outcome
        if isinstance(outcome, Unknown):
            await self._desk.replay(made.attempt)
            outcome = await self._known(made.attempt)
        self._past.append(Past(provider, outcome))
        if isinstance(outcome, Accepted):
            return Finish(State.SENT)
        if isinstance(outcome, Unknown) and self._desk.leaving:
            return LookInto()
        step = decide(self._situation(provider, made.station))
        if not isinstance(step, LookInto):
            return step
        found = await self._look_into(made)
        if isinstance(found, Unknown) and self._desk.leaving:
            return LookInto()
        self._past[-1] = Past(provider, found, looked_into=True)
        return decide(self._situation(provider, made.station))

    async def _look_into(self, made: Made) -> Outcome:
        """Return what became of an attempt whose outcome was unknown, as far as it can be found out now."""
        desk, attempt, envelope = self._desk, made.attempt, self._envelope
        station = made.station
        found = await desk.looking.look_into(
            station, envelope, attempt, made.submission, self._on_unknown(), self._is_wanted
        )
        if isinstance(found, Unknown):
            found = await self._known(made.attempt)
        if isinstance(found, Unknown):
            self.doubts.append(Doubt(station=station, envelope=envelope, attempt=attempt, sent=made.submission))
            return found
        outcome = found
        await desk.recorder.insist(lambda: desk.resolving.resolve(envelope, attempt, outcome, SettledBy.RECONCILED))
        return found

    def _is_at(self, station: Station) -> bool:
        """Say whether the provider still has the account at which an attempt was made."""
        return self._desk.stations.get(station.name) is station

    async def _known(self, attempt: Attempt) -> Outcome:
        """Return what is written down about an attempt: a report may have told while it was looked into."""
        record = await self._desk.recorder.known(self._envelope.id)
        return record.attempts[attempt.number - 1].outcome if record is not None else attempt.outcome

    def _situation(self, provider: str, station: Station | None = None) -> Situation:
        """Return how the message stands after an attempt; `station` is where it was made, if that is known."""
        desk = self._desk
        route = self._route
        station = station or desk.stations.get(provider)
        reconcilable = station is not None and station.reconciling(self._envelope.channel) is not None
        return Situation(
            past=self._past,
            max_attempts=route.max_attempts if route is not None else 1,
            now=desk.clock.now(),
            deadline=self._envelope.deadline,
            another=self._options.another(self._envelope, route, provider),
            can_reconcile=reconcilable,
            on_unknown=self._on_unknown(),
        )

    def _on_unknown(self) -> OnUnknown:
        if self._desk.closing:
            return OnUnknown.STOP
        return preference(self._route, self._envelope)

    async def _withdrawn(self, why: Withdrawn) -> Record | None:
        match why:
            case Withdrawn.BREAKER | Withdrawn.DUE:
                return None
            case Withdrawn.LATE:
                return await self._end(final_state(self._past, late=True), self._reason())
            case Withdrawn.CANCELLED:
                return await self.abandon()
            case Withdrawn.FOREIGN:
                record = await self._as_it_is()
                return await self.abandon() if record.unwanted else record

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
        return await self._as_it_is() if state is State.SENT else await self._end(state, self._reason())

    async def _as_it_is(self) -> Record:
        record = await self._desk.recorder.known(self._envelope.id)
        if record is None:
            raise KeyError(self._envelope.id)
        return record

    async def _end(self, state: State, reason: Refused | None) -> Record:
        return (await self._desk.recorder.settle(self._envelope.id, End(state, reason, self._desk.recorder.owner)))[1]

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
