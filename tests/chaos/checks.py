"""What must not be: of one message, from what its client was told and from the copies in the sandboxes' books."""

from collections.abc import Iterator, Sequence

from pointsman.message import Channel
from pointsman.sandbox.delivery import Fate
from pointsman.sandbox.ledger import SandboxMessage

from .asking import FINAL, Told, followed
from .crowd import Posted

UNSENT = frozenset({"failed", "expired", "cancelled"})
OF_FATE = frozenset({"delivered", "undelivered", "rejected"})
ON_ITS_WAY = 2.5
"""Seconds that a request may take which left before its message was taken back: the configured time-out, and some."""

Copies = Sequence[SandboxMessage]


def problems(one: Posted, told: Told | None, copies: Copies) -> Iterator[str]:
    """Return what is wrong with a message."""
    if told is None or told.state not in FINAL:
        yield f"is lost or stuck: {told}"
        return
    if one.wish.channel == "hlr":
        if told.state not in {"resolved", "failed", "unknown", "expired"}:
            yield f"a lookup is {told.state}"
        return
    if one.wish.channel == "viber":
        yield from _of_viber(one, told, copies)
    else:
        yield from _of_copies(told, copies, most=2 if one.wish.message_class == "otp" else 1)
    yield from _of_time(one, copies)
    yield from _of_stopping(one, told, copies)


def at_risk(copies: Copies) -> int:
    """Return how many copies may have met: one that followed the report that all before it were lost does not count."""
    count = 0
    lost_at = 0.0
    for copy in sorted(copies, key=lambda copy: copy.accepted_at):
        if count == 0 or copy.accepted_at < lost_at:
            count += 1
        lost_at = max(lost_at, copy.course.final_at if copy.course.fate is Fate.UNDELIVERED else float("inf"))
    return count


def _of_copies(told: Told, copies: Copies, most: int) -> Iterator[str]:
    """Check the copies of one channel against what is said of them."""
    risk = at_risk(copies)
    if risk > most:
        yield f"{len(copies)} copies went out"
    if risk > 1 and not told.possible_duplicate:
        yield "a second copy went out, and nobody was told that it may have"
    if told.state in UNSENT and copies:
        yield f"is {told.state}, but {len(copies)} copies went out"
    yield from _of_fates(told.state, copies)


def _of_fates(state: str, copies: Copies) -> Iterator[str]:
    fates = {copy.course.fate.value for copy in copies}
    if state in OF_FATE and state not in fates:
        yield f"is {state}, but its copies are {sorted(fates)}"
    if "delivered" in fates and state in {"undelivered", "rejected"}:
        yield f"is {state}, but a copy was delivered"


def _of_viber(one: Posted, told: Told, copies: Copies) -> Iterator[str]:
    """Check a Viber message and the SMS in its place: here it may follow only when nobody has the Viber message."""
    viber = [copy for copy in copies if copy.channel is Channel.VIBER]
    sms = [copy for copy in copies if copy.channel is Channel.SMS]
    if any(copy.course.fate is Fate.DELIVERED for copy in viber) and sms:
        yield "an SMS went out in place of a Viber message that was delivered"
    if followed(one, told):
        yield f"is {told.state}, and no SMS took its place"
    if told.instead is None:
        if sms:
            yield "an SMS went out, and nobody was told of it"
        yield from _of_copies(told, viber, most=1)
        return
    if at_risk(viber) > 1:
        yield f"{len(viber)} copies went out by Viber"
    if told.instead.state not in FINAL:
        yield f"the SMS in its place is lost or stuck: {told.instead}"
    if told.state not in {told.instead.state, "delivered"}:
        yield f"is {told.state}, but the SMS in its place is {told.instead.state}"
    yield from (f"the SMS in its place: {problem}" for problem in _of_copies(told.instead, sms, most=1))


def _of_time(one: Posted, copies: Copies) -> Iterator[str]:
    early = [copy for copy in copies if one.wish.send_at is not None and copy.accepted_at < one.wish.send_at]
    if early:
        yield f"was sent {one.wish.send_at - early[0].accepted_at:.2f} s before its time"


def _of_stopping(one: Posted, told: Told, copies: Copies) -> Iterator[str]:
    """Check that what was taken back did not begin to leave afterwards, and nothing else was taken back."""
    if told.state == "cancelled" and not one.may_be_stopped:
        yield "is cancelled, and nobody asked for it"
    if one.stopped_at is None:
        return
    started = (*told.started, *(told.instead.started if told.instead is not None else ()))
    late = [at for at in started if at > one.stopped_at]
    if late:
        yield f"was taken back, and an attempt began {late[0] - one.stopped_at:.2f} s later"
    elif any(copy.accepted_at > one.stopped_at + ON_ITS_WAY for copy in copies):
        yield "was taken back, and a copy went out later"
    if told.state != "cancelled" and not copies and not started:
        yield f"was taken back before anything left, and is {told.state}"
