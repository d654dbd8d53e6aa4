"""One attempt: money is held, the breaker asked, the message queued; then everything is settled by the outcome."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.calling import Calls
from pointsman.engine.queue import URGENCY, Load, Passage, Ticket, Withdrawn, answer, withdraw
from pointsman.engine.recorder import Recorder
from pointsman.engine.restoring import submission_of
from pointsman.engine.station import Station
from pointsman.events import Attempted, BreakerMoved, PriceDrifted, Rested, Spent
from pointsman.message import Channel, Envelope
from pointsman.outcome import Attempt, Fault, Refused
from pointsman.plugin import Batch, Submission
from pointsman.routing.breaker import Move
from pointsman.routing.candidate import Decision
from pointsman.routing.observed import Drift
from pointsman.routing.rests import Rest
from pointsman.routing.stakes import Instant, Result, Stake, Stakes
from pointsman.store.change import Begin, Intent, Settle

_GIVEN_UP = Refused(fault=Fault.LIMIT, code="given_up", detail="nobody wanted it any more when it was to leave again")
"""What is known of a message of a batch that was refused and divided, or of one whose session had expired."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was made, as it is recorded, and the submission as it went out."""

    attempt: Attempt
    submission: Submission
    station: Station
    """Where it was made: another one may have the provider's name by now."""


class Attempts:
    """Makes attempts. Between a decision and its hold there is no wait, so the decision still holds."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        stakes: Stakes,
        recorder: Recorder,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._stations = stations
        self._stakes = stakes
        self._recorder = recorder
        self._bus = bus
        self._clock = clock

    async def make(
        self,
        envelope: Envelope,
        decision: Decision,
        number: int,
        given_up: Callable[[], bool],
        ref: str | None = None,
        *,
        resent: bool = False,
    ) -> Made | Withdrawn:
        """Try the decision's first candidate, under the reference `ref` of an earlier attempt or under a new one.

        A withdrawn attempt left no trace at the provider and counts for nothing. `given_up` is asked just before the
        message would leave: its caller may not want it any more. `resent` says that a provider lost it before.
        """
        taken = self._stakes.take(envelope, decision, self._now())
        stake = taken.stake
        self._tell_moves(envelope, decision.ranking[0].candidate.provider, taken.moves)
        if stake is None:
            return Withdrawn.BREAKER
        station = self._stations[stake.candidate.provider]
        try:
            submission = self._submission(envelope, ref or f"{envelope.id}{number:02d}", stake)
            ticket = self._ticket(envelope, decision, number, stake, submission, given_up)
            station.lane.put(ticket)
            passage = await ticket.passage  # cancelled with whoever waits for it
        except BaseException:
            self._stakes.hand_back(envelope, stake, self._now())
            raise
        if isinstance(passage, Withdrawn):
            self._stakes.hand_back(envelope, stake, self._now())
            return passage
        result = Result(
            outcome=passage.outcome,
            started_at=passage.started_at,
            echo=passage.echo,
            shared=passage.shared,
            resent=resent,
        )
        attempt = await self._settle(envelope, decision, number, stake, passage, result, station.account)
        return Made(attempt=attempt, submission=passage.submission, station=station)

    async def start(self, load: Load, batch: Batch, started_at: float) -> bool:
        """Write down, before a request leaves, which attempts it starts; say whether all were.

        The provider may be asked later by the references that are written here, so they are those that travel now:
        plugins change references. All is written in one go. Messages that somebody else sends by now, or that nobody
        wants any more, are withdrawn, and then not all were. Raises what the first of those raised that could not be
        written down; nothing may leave then.
        """
        places = zip(load.places, batch.items, strict=True)
        pairs = [(ticket, item) for place, item in places for ticket in place]
        if len(pairs) == 1 or not self._recorder.durable:  # nothing is waited for, so there is nothing to share
            return all([await self._begin(*pair, batch, started_at) for pair in pairs])
        starts = [self._begin(*pair, batch, started_at) for pair in pairs]
        begun = await asyncio.gather(*starts, return_exceptions=True)
        for one in begun:
            if isinstance(one, BaseException):
                raise one
        return all(begun)

    async def _begin(self, ticket: Ticket, item: Submission, batch: Batch, started_at: float) -> bool:
        intent = Intent(
            number=ticket.number,
            provider=ticket.provider,
            ref=item.ref,
            call_ref=batch.ref,
            decision_id=ticket.decision_id,
            started_at=started_at,
            account=ticket.account,
            owner=self._recorder.owner,
        )
        before, after = await self._recorder.change(ticket.message_id, Begin(intent))
        if after is not before:
            return True
        begun = after.intent
        if not after.unwanted or (begun is not None and begun.owner != intent.owner):
            withdraw(ticket, Withdrawn.FOREIGN)
        elif begun is not None and begun.number == ticket.number:
            # An earlier request of this attempt had a definite answer, or this one would not be about to leave.
            answer(ticket, _GIVEN_UP, item, begun.call_ref, Calls(1), started_at, shared=False, echo=True)
        else:
            withdraw(ticket, Withdrawn.CANCELLED)
        return False

    def _ticket(
        self,
        envelope: Envelope,
        decision: Decision,
        number: int,
        stake: Stake,
        submission: Submission,
        given_up: Callable[[], bool],
    ) -> Ticket:
        station = self._stations[stake.candidate.provider]

        def withdrawn() -> Withdrawn | None:
            if given_up():
                return Withdrawn.CANCELLED
            now = self._now()
            if now.wall >= envelope.deadline:
                return Withdrawn.LATE
            if stake.candidate.keeps and now.wall >= envelope.due:
                return Withdrawn.DUE
            return Withdrawn.BREAKER if self._stakes.out_of_use(envelope, stake, now) else None

        return Ticket(
            submission=submission,
            message_id=envelope.id,
            provider=station.name,
            account=station.account,
            number=number,
            decision_id=decision.id,
            urgency=URGENCY[envelope.message.message_class],
            parts=envelope.parts,
            price=stake.candidate.total,
            limits=station.view.limits[envelope.channel],
            deadline=envelope.deadline,
            due=envelope.due,
            still_wanted=withdrawn,
            passage=asyncio.get_running_loop().create_future(),
        )

    def _submission(self, envelope: Envelope, ref: str, stake: Stake) -> Submission:
        station = self._stations[stake.candidate.provider]
        return submission_of(
            station,
            envelope,
            ref,
            stake.candidate.sender,
            keeps=stake.candidate.keeps,
            by_local=envelope.local is not None and station.view.limits[envelope.channel].schedules_local,
            left=envelope.deadline - max(self._clock.now(), envelope.due),
        )

    async def _settle(
        self,
        envelope: Envelope,
        decision: Decision,
        number: int,
        stake: Stake,
        passage: Passage,
        result: Result,
        account: str,
    ) -> Attempt:
        provider, outcome = stake.candidate.provider, passage.outcome
        settled = self._stakes.settle(envelope, number, stake, result, self._now())
        self._tell_moves(envelope, provider, settled.moves)
        if settled.rest is not None:
            self._bus.emit(rested(settled.rest, self._clock.now()))
        if settled.drift is not None:
            self._bus.emit(drifted(provider, settled.drift, self._clock.now()))
        attempt = Attempt(
            number=number,
            provider=provider,
            ref=passage.submission.ref,
            call_ref=passage.call_ref,
            calls=passage.calls,
            outcome=outcome,
            started_at=passage.started_at,
            duration=passage.duration,
            price=settled.price,
            shared=passage.shared,
            on_delivery=settled.on_delivery,
            decision_id=decision.id,
            account=account,
        )
        _, after = await self._recorder.settle(envelope.id, Settle(attempt, self._recorder.owner))
        parts = envelope.parts
        self._bus.emit(
            Attempted(
                at=self._clock.now(),
                message_id=envelope.id,
                channel=envelope.channel,
                message_class=envelope.message.message_class,
                attempt=attempt,
                segments=parts,
            )
        )
        if settled.price is not None:
            self._bus.emit(Spent(at=self._clock.now(), provider=provider, price=settled.price, segments=parts))
        return next((one for one in after.attempts if one.number == number), attempt)

    def _now(self) -> Instant:
        return Instant(self._clock.now(), self._clock.monotonic())

    def _tell_moves(self, envelope: Envelope, provider: str, moves: Sequence[Move]) -> None:
        for move in moves:
            self._bus.emit(moved(provider, envelope.channel, move, self._clock.now()))


def moved(provider: str, channel: Channel, move: Move, at: float) -> BreakerMoved:
    """Return the event of a breaker's move."""
    return BreakerMoved(
        at=at,
        provider=provider,
        channel=channel,
        network=move.network,
        before=move.before,
        after=move.after,
        reason=move.reason,
    )


def rested(rest: Rest, at: float) -> Rested:
    """Return the event of something that is out of use from now on."""
    return Rested(
        at=at,
        provider=rest.provider,
        scope=rest.scope,
        subject=rest.subject,
        fault=rest.fault,
        until=None if rest.until == float("inf") else rest.until,
        alert=rest.alert,
    )


def drifted(provider: str, drift: Drift, at: float) -> PriceDrifted:
    """Return the event of a provider that charges something else than our price list says."""
    return PriceDrifted(
        at=at, provider=provider, channel=drift.channel, network=drift.network or None, ratio=drift.ratio
    )
