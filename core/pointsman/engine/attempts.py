"""One attempt: money is held, the breaker asked, the message queued; then everything is settled by the outcome."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec

from pointsman.clock import Clock, as_utc
from pointsman.engine.bus import Bus
from pointsman.engine.queue import URGENCY, Load, Passage, Ticket, Withdrawn
from pointsman.engine.recorder import Recorder
from pointsman.engine.station import Station
from pointsman.events import Attempted, BreakerMoved, PriceDrifted, Rested, Spent
from pointsman.message import Channel, Envelope, FallbackBy, Viber
from pointsman.outcome import Attempt
from pointsman.plugin import Batch, Submission
from pointsman.routing.breaker import Move
from pointsman.routing.candidate import Decision
from pointsman.routing.observed import Drift
from pointsman.routing.rests import Rest
from pointsman.routing.stakes import Instant, Result, Stake, Stakes
from pointsman.store.change import Begin, Intent, Settle


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was made, as it is recorded, and the submission as it went out."""

    attempt: Attempt
    submission: Submission


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
        return await self._settle(envelope, decision, number, stake, passage, result)

    async def start(self, load: Load, batch: Batch, started_at: float) -> None:
        """Write down, before a request leaves, which attempts it starts, and under which references.

        The provider may be asked later by what is written here, so it is what travels now: plugins change references.
        """
        for place, item in zip(load.places, batch.items, strict=True):
            for ticket in place:
                intent = Intent(
                    number=ticket.number,
                    provider=ticket.provider,
                    ref=item.ref,
                    call_ref=batch.ref,
                    decision_id=ticket.decision_id,
                    started_at=started_at,
                )
                await self._recorder.change(ticket.message_id, Begin(intent))

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
            if self._clock.now() >= envelope.deadline:
                return Withdrawn.LATE
            if stake.candidate.keeps and self._clock.now() >= envelope.due:
                return Withdrawn.DUE
            return Withdrawn.BREAKER if self._stakes.out_of_use(envelope, stake, self._now()) else None

        return Ticket(
            submission=submission,
            message_id=envelope.id,
            provider=station.name,
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
        left = timedelta(seconds=envelope.deadline - max(self._clock.now(), envelope.due))
        fallback = envelope.message.fallback if isinstance(envelope.message, Viber) else None
        keeps = stake.candidate.keeps
        by_local = envelope.local is not None and station.view.limits[envelope.channel].schedules_local
        return Submission(
            ref=ref,
            message=envelope.message,
            to=envelope.to,
            network=envelope.network,
            segments=envelope.segments,
            sender=stake.candidate.sender,
            # With a fallback the provider must give the message up in time, even if the caller set no limit.
            ttl=left if envelope.message.ttl is not None or fallback is not None else None,
            callback_url=station.callback_url,
            send_at=as_utc(envelope.due) if keeps and not by_local else None,
            send_at_local=envelope.local if keeps and by_local else None,
            resend=fallback is not None and fallback.by is FallbackBy.PROVIDER,
        )

    async def _settle(
        self,
        envelope: Envelope,
        decision: Decision,
        number: int,
        stake: Stake,
        passage: Passage,
        result: Result,
    ) -> Made:
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
        )
        _, after = await self._recorder.change(envelope.id, Settle(attempt))
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
        recorded = next((one for one in after.attempts if one.number == number), attempt)
        return Made(attempt=recorded, submission=passage.submission)

    def _now(self) -> Instant:
        return Instant(wall=self._clock.now(), monotonic=self._clock.monotonic())

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
