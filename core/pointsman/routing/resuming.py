"""What is next for a message whose process died, from what is written down of it.

Theory of operation. What a flow keeps in memory follows from the attempts: `past_of` makes them into what `decide` goes
by. An attempt that was in flight must have been turned into one whose outcome is unknown (`Recover`) before anybody
asks here; so nothing that may have left is ever taken for something that has not.
"""

from collections.abc import Sequence

import msgspec

from pointsman.outcome import Accepted, Attempt, State, Unknown
from pointsman.routing.failover import Finish, GoOn, Past, Situation, Step, decide

SECOND_OPINIONS = 1
"""How many other providers are asked when one could not answer a lookup."""


class Follow(msgspec.Struct, frozen=True):
    """Nobody sends it any more.

    What was taken waits for its reports; attempts that are still in doubt are asked about now and then.
    """


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was found, with no attempt in flight."""

    attempts: tuple[Attempt, ...]
    ended: bool = False
    """It was written down that there are no more attempts."""
    resuming: bool = False
    """A provider lost it after it had taken it, and it was written down that another one is going to send it."""
    unanswered: bool = False
    """Those who took a lookup could not answer it, and somebody else may yet be asked."""


def past_of(attempts: Sequence[Attempt]) -> tuple[Past, ...]:
    """Return attempts as the next decision needs them, the latest last.

    Only the latest may still have to be looked into: after an earlier one in doubt the message would not have gone on.
    One that had been looked into when its process died is looked into once more, which does no harm.
    """
    last = len(attempts) - 1
    return tuple(
        [
            Past(one.provider, one.outcome, looked_into=place < last or not isinstance(one.outcome, Unknown))
            for place, one in enumerate(attempts)
        ]
    )


def next_step(found: Found, situation: Situation) -> Step | Follow:
    """Return the next step for a message that was found after its process had died.

    `situation.past` is `past_of` its attempts and may be empty. `GoOn` means another provider, which is any provider
    for a message without attempts; `Repeat` the provider of the last attempt; `LookInto` the last attempt.
    """
    if found.ended:
        return Follow()
    if not found.attempts:
        return GoOn()
    taken = sum(isinstance(one.outcome, Accepted) for one in found.attempts)
    if not taken:
        return decide(situation)
    if not (found.resuming or found.unanswered):
        return Follow()
    if not isinstance(found.attempts[-1].outcome, Accepted):
        return decide(situation)  # the second try had begun, and may have got through
    if found.resuming:
        return GoOn()
    left = len(found.attempts) < situation.max_attempts and situation.now < situation.deadline
    return GoOn() if left and taken <= SECOND_OPINIONS else Finish(State.FAILED)
