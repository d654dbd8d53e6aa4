"""Clearing up unknown outcomes: asking the provider, where it can be asked, what became of a request.

Two ways. Where a repeat under the same reference does nothing twice, the submit is repeated until it is answered; a
refusal of the repeat says nothing about the first request. Where the provider can be asked by our own reference, it is
asked; "not there" is believed only when it has been said twice, each time longer after the request than the provider
may take to process it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.calling import Plan, Subject, Verdict
from pointsman.engine.soundness import is_outcome, is_refusal
from pointsman.engine.station import Station
from pointsman.events import CallOutcome, Operation, Reconciled
from pointsman.message import Envelope
from pointsman.outcome import Accepted, Attempt, Fault, Outcome, Refused, Unknown
from pointsman.plugin import Absent, Batch, Reconciles, Reconciling, Submission
from pointsman.routing.failover import OnUnknown

Finding = Accepted | Absent | Unknown
Findings = tuple[Finding, ...] | Refused

PATIENCE: Mapping[OnUnknown, float] = MappingProxyType(
    {OnUnknown.NEXT: 5.0, OnUnknown.RECONCILE: 60.0, OnUnknown.STOP: 0.0}
)
"""Seconds that an unknown outcome is looked into before the policy decides without an answer."""
FIRST_LOOK = 0.5
LONGEST_PAUSE = 8.0
LOOKS_FOR_ABSENT = 2


class Looking:
    """Asks providers about requests without an answer."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    async def look_into(
        self, station: Station, envelope: Envelope, attempt: Attempt, sent: Submission, patience: float
    ) -> Outcome:
        """Return what became of an attempt: accepted, refused because nothing was sent, or unknown still.

        `patience` is how many seconds this may take.
        """
        rule = station.reconciling(envelope.channel)
        if rule is None or not isinstance(attempt.outcome, Unknown):
            return attempt.outcome
        last_left = self._clock.monotonic()
        absent = 0
        for pause in _pauses(rule, patience):
            await self._clock.sleep(pause)
            if rule.repeats and self._clock.now() >= envelope.deadline:
                break  # the repeat might be the first that gets through, and what it brings is worthless by now
            asked = self._clock.monotonic()
            finding = await self.ask(station, envelope, attempt, sent)
            if isinstance(finding, Accepted):
                return self._found(envelope, station, finding, "accepted")
            if isinstance(finding, Absent) and asked >= last_left + rule.settle:
                absent += 1
                if absent >= LOOKS_FOR_ABSENT:
                    never = Refused(fault=Fault.UNAVAILABLE, code="not_sent", detail="the provider never got it")
                    return self._found(envelope, station, never, "absent")
        return self._found(envelope, station, attempt.outcome, "unknown")

    async def ask(
        self, station: Station, envelope: Envelope, attempt: Attempt, sent: Submission
    ) -> Accepted | Absent | Unknown | Refused:
        """Ask once; a refusal is one of the question, not of the message."""
        provider = station.provider
        if not isinstance(provider, Reconciles):
            return attempt.outcome if isinstance(attempt.outcome, Unknown) else Absent()
        batch = Batch(ref=attempt.call_ref, channel=envelope.channel, items=(sent,))
        subject = Subject(
            channel=envelope.channel,
            message_ids=(envelope.id,),
            to=(envelope.to,),
            attempt=attempt.number,
            decision_id=attempt.decision_id,
        )
        plan: Plan[Findings] = Plan(
            operation=Operation.RECONCILE,
            subject=subject,
            build=lambda session: provider.reconcile_request(batch, session),
            read=lambda response: provider.read_reconcile(batch, response),
            sound=_sound,
            judge=_judge,
        )
        result = await station.caller.call(plan)
        return result[0] if isinstance(result, tuple) else result

    def _found(self, envelope: Envelope, station: Station, outcome: Outcome, result: str) -> Outcome:
        self._bus.emit(Reconciled(at=self._clock.now(), message_id=envelope.id, provider=station.name, result=result))
        return outcome


def _pauses(rule: Reconciling, patience: float) -> Iterator[float]:
    """Yield the seconds before each look; a look at the moment when "absent" begins to count is among them."""
    spent = 0.0
    pause = FIRST_LOOK
    while spent < patience:
        step = pause
        if not rule.repeats and spent < rule.settle < spent + pause:
            step = rule.settle - spent
        step = min(step, patience - spent)
        spent += step
        yield step
        pause = min(pause * 2, LONGEST_PAUSE)


def _sound(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) == 1 and (isinstance(value[0], Absent) or _is_finding(value[0]))
    return is_refusal(value)


def _is_finding(value: object) -> bool:
    return isinstance(value, Accepted | Unknown) and is_outcome(value)


def _judge(value: Findings) -> Verdict:
    if isinstance(value, Refused):
        return Verdict(outcome=CallOutcome.FAILED, fault=value.fault, code=value.code, detail=value.detail)
    match value[0]:
        case Unknown(code=code, detail=detail):
            return Verdict(outcome=CallOutcome.UNKNOWN, code=code, detail=detail)
        case Accepted() | Absent():
            return Verdict(outcome=CallOutcome.ANSWERED)
