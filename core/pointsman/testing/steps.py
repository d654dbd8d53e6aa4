"""What a `ScriptedSandbox` does with one request, as values. Each function is one step of a script.

`taken` says whether the request takes effect before what the step describes happens: the truth of the matter, which
the client cannot see. Besides these, every fault of `pointsman.sandbox` is a step.
"""

import msgspec

from pointsman.events import Operation
from pointsman.outcome import Fault
from pointsman.sandbox import Action, FaultRule
from pointsman.testing.wire import Answer

Step = FaultRule
"""One step: what happens to the next request of an operation (its `endpoint`)."""

SUBMIT = Operation.SUBMIT
LATE = "late"
"""The quirk behind `take_late`."""


def normal(*, on: Operation = SUBMIT) -> Step:
    """Answer as if nothing were scripted; keeps the place of a request in a script."""
    return FaultRule(action=Action.DELAY, delay=0.0, endpoint=on)


def refuse(
    fault: Fault,
    *,
    certain: bool = False,
    divisible: bool = False,
    retry_after: float | None = None,
    on: Operation = SUBMIT,
) -> Step:
    """Refuse the whole request; nothing takes effect. `retry_after` in seconds."""
    return _answer(Answer(fault=fault, certain=certain, divisible=divisible, retry_after=retry_after), on)


def expire(*, on: Operation = SUBMIT) -> Step:
    """Say that the session is not valid any more; nothing takes effect."""
    return _answer(Answer(expired=True), on)


def answer_status(status: int, *, taken: bool = False, on: Operation = SUBMIT) -> Step:
    """Answer with a bare HTTP status, as a proxy does."""
    return FaultRule(action=Action.ANSWER, status=status, accepted=taken, endpoint=on)


def garble(*, taken: bool, on: Operation = SUBMIT) -> Step:
    """Answer 200 with something that is no answer."""
    return FaultRule(action=Action.ANSWER, status=200, body='{"items": [{', accepted=taken, endpoint=on)


def hang_up(*, taken: bool, on: Operation = SUBMIT) -> Step:
    """Read the request and close the connection."""
    return FaultRule(action=Action.CLOSE, accepted=taken, endpoint=on)


def cut_short(*, on: Operation = SUBMIT) -> Step:
    """Take the request, send the beginning of the answer and close the connection."""
    return FaultRule(action=Action.TRUNCATE, size=5, accepted=True, endpoint=on)


def take_late() -> Step:
    """Answer 504, as a proxy that gave up waiting, and take the submit `ScriptedSandbox.late_by` seconds later."""
    return FaultRule(action=Action.QUIRK, code=LATE, accepted=True, endpoint=SUBMIT)


def hang(*, taken: bool, on: Operation = SUBMIT) -> Step:
    """Never answer. The client's own time-out ends this, in real time."""
    return FaultRule(action=Action.HANG, accepted=taken, endpoint=on)


def _answer(answer: Answer, on: Operation) -> Step:
    return FaultRule(action=Action.ANSWER, status=200, body=msgspec.json.encode(answer).decode(), endpoint=on)
