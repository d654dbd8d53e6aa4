"""Clearing up unknown outcomes: asking the provider, where it can be asked, what became of a request.

When to ask and what an answer proves is said by `routing.reconcile`; here is the asking and the waiting.
"""

from collections.abc import Awaitable, Callable

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.calling import Plan, Subject, Verdict
from pointsman.engine.soundness import is_outcome, is_refusal
from pointsman.engine.station import Station
from pointsman.events import CallOutcome, Operation, Reconciled
from pointsman.message import Envelope
from pointsman.outcome import Accepted, Attempt, Outcome, Refused, Unknown
from pointsman.plugin import Absent, Batch, Reconciles, Submission
from pointsman.routing.failover import OnUnknown
from pointsman.routing.reconcile import PATIENCE, Finding, Inquiry, Proved, at_once, learn, may_ask, next_look, waited

Findings = tuple[Accepted | Absent | Unknown, ...] | Refused


class Looking:
    """Asks providers about requests without an answer."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    async def look_into(
        self,
        station: Station,
        envelope: Envelope,
        attempt: Attempt,
        sent: Submission,
        policy: OnUnknown,
        wanted: Callable[[], Awaitable[bool]],
    ) -> Outcome:
        """Return what became of an attempt: accepted, refused because nothing was sent, or unknown still.

        How long this may take is said by the policy for what stays unknown. A repeat might be what sends the message,
        so before each it is asked whether that is `wanted`.
        """
        rule = station.reconciling(envelope.channel)
        if rule is None or not isinstance(attempt.outcome, Unknown):
            return attempt.outcome
        inquiry: Inquiry | Proved = at_once(rule, self._clock.monotonic(), PATIENCE[policy])
        while isinstance(inquiry, Inquiry) and (pause := next_look(inquiry, self._clock.monotonic())) is not None:
            await self._clock.sleep(pause)
            inquiry = waited(inquiry, pause)
            if not may_ask(inquiry, late=self._clock.now() >= envelope.deadline):
                break
            if rule.repeats and not await wanted():
                break
            asked_at = self._clock.monotonic()
            inquiry = learn(inquiry, await self.ask(station, envelope, attempt, sent), asked_at)
        if isinstance(inquiry, Proved):
            result = "accepted" if isinstance(inquiry.outcome, Accepted) else "absent"
            return self._found(envelope, station, inquiry.outcome, result)
        return self._found(envelope, station, attempt.outcome, "unknown")

    async def ask(self, station: Station, envelope: Envelope, attempt: Attempt, sent: Submission) -> Finding:
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
