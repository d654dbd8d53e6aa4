"""What can happen to a message, as values. Numbers in brackets are those of the durable writes."""

import msgspec

from pointsman.message import Money
from pointsman.outcome import Attempt, LookupResult, Outcome, Refused, Report, SettledBy, State


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt that is about to start: recorded before the first byte leaves."""

    number: int
    provider: str
    ref: str
    call_ref: str
    """The reference of the request, which messages of one batch share."""
    decision_id: str
    started_at: float
    account: str = ""
    """Stands for the account of the provider at which it is made."""
    owner: str = ""
    """Who starts it. Recorded only if the message is his: an attempt of anybody else changes nothing."""


class Due(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The time of a message came that we kept until then."""


class Located(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A lookup told where the number of a message is, before its first attempt; afterwards it changes nothing."""

    result: LookupResult


class Begin(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An attempt starts (the second durable write)."""

    intent: Intent


class Settle(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An attempt has its outcome (the third).

    An unknown one lasted until this is written down. Of an attempt that never started only the owner tells.
    """

    attempt: Attempt
    owner: str = ""


class Resolve(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An outcome that was unknown has been cleared up."""

    number: int
    outcome: Outcome
    settled_by: SettledBy
    price: Money | None = None
    """What it turned out to cost."""
    on_delivery: Money | None = None
    """What is going to be charged when it is delivered."""


class Note(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A report about an attempt came (the fifth)."""

    number: int
    report: Report
    again: bool = False
    """If it shows that all copies are lost, another provider is going to send the message.

    Both in one write: nobody is told of an end that is none, and no crash comes in between. It is left undone where
    somebody is sending the message, or somebody was told that its attempts are over: of two reports that come at once
    only one makes somebody send it.
    """


class End(msgspec.Struct, frozen=True, tag=True, gc=False):
    """There will be no more attempts; changes nothing unless its owner says so.

    An attempt in flight becomes one in doubt, and a state that says "not sent" becomes unknown where one is in doubt.
    """

    state: State
    reason: Refused | None = None
    owner: str = ""


class FellBack(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An SMS takes the place of a Viber message; written down before the SMS exists, so that there is never a second.

    It comes too late for a message that was delivered or given up, and changes nothing then.
    """

    message_id: str
    """Of the SMS."""


class Forgo(msgspec.Struct, frozen=True, tag=True, gc=False):
    """No SMS is going to take the place of a Viber message."""


class Unwant(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Nobody wants the message any more, whoever says so and whoever sends it.

    From then on no attempt begins, not even the next request of one that has begun, and no SMS takes its place. It is
    over at once unless a copy is out, or may be: what has left is followed to its end.
    """


class Own(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Somebody takes a message over, for as long as his lease lasts; whose lease has not ended keeps it."""

    owner: str
    until: float


class Recover(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The attempt in flight was found by somebody who did not start it: whoever did is gone.

    It may have been sent, so its outcome is unknown. The time in which its provider may still process it counts from
    now: nobody knows when the last request left, but it was before this.
    """

    owner: str
    """Who found it; changes nothing unless the message is his."""


class Retime(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A message that has not been attempted waits until later, such as the end of the quiet hours."""

    due: float


class Erase(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Text, number and whatever may quote them are forgotten; only of a message for which nothing is to be done."""


Kept = Own | Recover | Retime | Erase
"""What happens to a message because it is kept for long, and by whom."""

Decided = FellBack | Forgo | Unwant
"""What was decided about a message, and not what became of it."""

Change = Due | Located | Begin | Settle | Resolve | Note | End | Decided | Kept
