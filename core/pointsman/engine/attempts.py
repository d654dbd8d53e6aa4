"""One attempt: money is held, the breaker asked, the message queued; then everything is settled by the outcome."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec

from pointsman.clock import Clock, as_utc
from pointsman.engine.bus import Bus
from pointsman.engine.queue import URGENCY, Passage, Ticket, Withdrawn
from pointsman.engine.recorder import Recorder
from pointsman.engine.station import Station
from pointsman.events import Attempted, BreakerMoved, Rested, Spent
from pointsman.message import Envelope, FallbackBy, Money, Viber
from pointsman.outcome import Accepted, Attempt, Refused, Unknown
from pointsman.plugin import Batch, Submission
from pointsman.routing.breaker import Lease, Move
from pointsman.routing.candidate import Candidate, Decision, Reason
from pointsman.routing.failover import RULES, Blame
from pointsman.routing.ledger import Hold
from pointsman.routing.price import ChargedOn
from pointsman.routing.rests import Rests
from pointsman.routing.tariff import Rates
from pointsman.store.record import Begin, Intent, Settle


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was made, and the submission as it went out."""

    attempt: Attempt
    submission: Submission


class _Stake(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt has in its hands until it is settled."""

    station: Station
    candidate: Candidate
    hold: Hold
    lease: Lease
    probe: bool
    """It is let through although something rests there, to see whether it works again."""


class Attempts:
    """Makes attempts. Between a decision and its hold there is no wait, so the decision still holds."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        rests: Rests,
        rates: Rates,
        recorder: Recorder,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._stations = stations
        self._rests = rests
        self._rates = rates
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
    ) -> Made | Withdrawn:
        """Try the decision's first candidate, under the reference `ref` of an earlier attempt or under a new one.

        A withdrawn attempt left no trace at the provider and counts for nothing. `given_up` is asked just before the
        message would leave: its caller may not want it any more.
        """
        stake = self._stake(envelope, decision)
        if stake is None:
            return Withdrawn.BREAKER
        try:
            submission = self._submission(envelope, ref or f"{envelope.id}{number:02d}", stake)
            ticket = self._ticket(envelope, decision, number, stake, submission, given_up)
            stake.station.lane.put(ticket)
            passage = await ticket.passage  # cancelled with whoever waits for it
        except BaseException:
            self._hand_back(envelope, stake)
            raise
        if isinstance(passage, Withdrawn):
            self._hand_back(envelope, stake)
            return passage
        return await self._settle(envelope, decision, number, stake, passage)

    async def start(self, tickets: Sequence[Ticket], batch: Batch, started_at: float) -> None:
        """Write down, before a request leaves, which attempts it starts."""
        for ticket in tickets:
            intent = Intent(
                number=ticket.number,
                provider=ticket.provider,
                ref=ticket.submission.ref,
                call_ref=batch.ref,
                decision_id=ticket.decision_id,
                started_at=started_at,
            )
            await self._recorder.change(ticket.message_id, Begin(intent))

    def _stake(self, envelope: Envelope, decision: Decision) -> _Stake | None:
        candidate = decision.ranking[0].candidate
        station = self._stations[candidate.provider]
        hold = station.view.ledger.hold(self._in_account(station, candidate.total))
        if hold is None:
            return None
        breaker = station.view.breakers[envelope.channel]
        lease, move = breaker.acquire(self._clock.monotonic(), force=decision.reason is Reason.ALL_DOWN)
        self._moved(envelope, station, move)
        if lease is None:
            station.view.ledger.settle(hold, Decimal(0), self._clock.monotonic())
            return None
        probe = self._rests.enter(station.name, envelope.channel, candidate.sender, self._clock.now())
        return _Stake(station=station, candidate=candidate, hold=hold, lease=lease, probe=probe)

    def _hand_back(self, envelope: Envelope, stake: _Stake) -> None:
        """Nothing was sent: money, lease and probe go back."""
        station = stake.station
        station.view.ledger.settle(stake.hold, Decimal(0), self._clock.monotonic())
        station.view.breakers[envelope.channel].release(stake.lease)
        if stake.probe:
            self._rests.leave(station.name, envelope.channel, stake.candidate.sender, self._clock.now())

    def _ticket(
        self,
        envelope: Envelope,
        decision: Decision,
        number: int,
        stake: _Stake,
        submission: Submission,
        given_up: Callable[[], bool],
    ) -> Ticket:
        station = stake.station

        def withdrawn() -> Withdrawn | None:
            if given_up():
                return Withdrawn.CANCELLED
            if self._clock.now() >= envelope.deadline:
                return Withdrawn.LATE
            if stake.candidate.keeps and self._clock.now() >= envelope.due:
                return Withdrawn.DUE
            return Withdrawn.BREAKER if self._out_of_use(envelope, stake) else None

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

    def _out_of_use(self, envelope: Envelope, stake: _Stake) -> bool:
        """Say whether the provider would not be chosen any more, so that whoever waits for it goes elsewhere."""
        station = stake.station
        if station.view.quarantined is not None:
            return True
        if not stake.lease.forced and not station.view.breakers[envelope.channel].holds(stake.lease):
            return True
        if stake.probe:
            return False
        now = self._clock.now()
        return self._rests.blocking(station.name, envelope.channel, stake.candidate.sender, now) is not None

    def _submission(self, envelope: Envelope, ref: str, stake: _Stake) -> Submission:
        left = timedelta(seconds=envelope.deadline - max(self._clock.now(), envelope.due))
        fallback = envelope.message.fallback if isinstance(envelope.message, Viber) else None
        keeps = stake.candidate.keeps
        by_local = envelope.local is not None and stake.station.view.limits[envelope.channel].schedules_local
        return Submission(
            ref=ref,
            message=envelope.message,
            to=envelope.to,
            network=envelope.network,
            segments=envelope.segments,
            sender=stake.candidate.sender,
            # With a fallback the provider must give the message up in time, even if the caller set no limit.
            ttl=left if envelope.message.ttl is not None or fallback is not None else None,
            callback_url=stake.station.callback_url,
            send_at=as_utc(envelope.due) if keeps and not by_local else None,
            send_at_local=envelope.local if keeps and by_local else None,
            resend=fallback is not None and fallback.by is FallbackBy.PROVIDER,
        )

    async def _settle(
        self, envelope: Envelope, decision: Decision, number: int, stake: _Stake, passage: Passage
    ) -> Made:
        station, outcome = stake.station, passage.outcome
        price = self._charge(stake, passage)
        self._judge(envelope, stake, passage)
        attempt = Attempt(
            number=number,
            provider=station.name,
            ref=passage.submission.ref,
            call_ref=passage.call_ref,
            calls=passage.calls,
            outcome=outcome,
            started_at=passage.started_at,
            duration=passage.duration,
            price=price,
            shared=passage.shared,
            on_delivery=_on_delivery(stake.candidate, passage) if price is None else None,
            decision_id=decision.id,
        )
        await self._recorder.change(envelope.id, Settle(attempt))
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
        if price is not None and isinstance(outcome, Accepted):
            self._bus.emit(Spent(at=self._clock.now(), provider=station.name, price=price, segments=parts))
        return Made(attempt=attempt, submission=passage.submission)

    def _charge(self, stake: _Stake, passage: Passage) -> Money | None:
        """Settle the hold; return what the attempt cost.

        What may have been sent counts as spent on the account until a reading of the balance says otherwise, but is
        not booked as a cost until it is known.
        """
        ledger, candidate = stake.station.view.ledger, stake.candidate
        now = self._clock.monotonic()
        match passage.outcome:
            case Accepted(price=told):
                price = self._rates.usable(told) or _on_submit(candidate)
                if passage.shared:
                    price = None
                charged = self._in_account(stake.station, price)
                ledger.settle(stake.hold, charged or Decimal(0), now)
                return price
            case Unknown():
                ledger.settle(stake.hold, Decimal(0) if passage.shared else stake.hold.amount, now)
            case Refused():
                ledger.settle(stake.hold, Decimal(0), now)
        return None

    def _judge(self, envelope: Envelope, stake: _Stake, passage: Passage) -> None:
        """Draw the consequences for health and use, each in the scope of its blame.

        What is the fault of a request counts once, however many messages travelled in it.
        """
        station, outcome = stake.station, passage.outcome
        breaker = station.view.breakers[envelope.channel]
        if passage.echo:
            breaker.release(stake.lease)
            if isinstance(outcome, Refused) and RULES[outcome.fault].blame is Blame.OPERATION:
                return
            self._rest(envelope, stake, passage)
            return
        match outcome:
            case Accepted():
                move = breaker.record(stake.lease, self._clock.monotonic(), good=True)
            case Unknown():
                move = breaker.record(stake.lease, self._clock.monotonic(), good=False)
            case Refused(fault=fault) if RULES[fault].blame is Blame.CELL:
                move = breaker.record(stake.lease, self._clock.monotonic(), good=False)
            case Refused():
                breaker.release(stake.lease)
                move = None
        self._moved(envelope, station, move)
        self._rest(envelope, stake, passage)

    def _rest(self, envelope: Envelope, stake: _Stake, passage: Passage) -> None:
        rest = self._rests.note(
            stake.station.name,
            envelope.channel,
            stake.candidate.sender,
            envelope.id,
            passage.outcome,
            self._clock.now(),
            started_at=passage.started_at,
        )
        if rest is not None:
            self._bus.emit(
                Rested(
                    at=self._clock.now(),
                    provider=rest.provider,
                    scope=rest.scope,
                    subject=rest.subject,
                    fault=rest.fault,
                    until=None if rest.until == float("inf") else rest.until,
                    alert=rest.alert,
                )
            )

    def _moved(self, envelope: Envelope, station: Station, move: Move | None) -> None:
        if move is not None:
            self._bus.emit(
                BreakerMoved(
                    at=self._clock.now(),
                    provider=station.name,
                    channel=envelope.channel,
                    before=move.before,
                    after=move.after,
                    reason=move.reason,
                )
            )

    def _in_account(self, station: Station, money: Money | None) -> Decimal | None:
        return None if money is None else self._rates.convert(money, station.view.currency).amount


def _on_submit(candidate: Candidate) -> Money | None:
    if candidate.price is None or candidate.price.charged_on is not ChargedOn.SUBMIT:
        return None
    return candidate.total


def _on_delivery(candidate: Candidate, passage: Passage) -> Money | None:
    if not isinstance(passage.outcome, Accepted) or passage.shared:
        return None
    if candidate.price is None or candidate.price.charged_on is not ChargedOn.DELIVERY:
        return None
    return candidate.total
