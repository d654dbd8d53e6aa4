"""Compares what clients were told with what the sandboxes hold, and with what the receiver heard."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pointsman.sandbox.ledger import SandboxMessage

from .asking import Told, untold
from .checks import at_risk, problems
from .crowd import Posted
from .receiver import Arrival, disorder, told_states
from .world import World

FAIR = frozenset({None, 200, 429, 503})
"""Answers to a provider's report; it is sent again after all but 200."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    acknowledged: int
    repeated_posts: int
    states: dict[str, int]
    copies: int
    doubled: int
    """Messages of which two copies went out, which was allowed, and said."""
    later: int
    """Messages that were for later."""
    viber: int
    instead: int
    """SMS that took the place of a Viber message."""
    taken_back: int
    """Messages of which a DELETE was answered with 202."""
    hooked: int
    """Messages with an address for news."""
    webhooks: int
    webhooks_again: int
    """Of these, such as had come before."""
    reports: int
    """Of the provider of lookups, that were taken."""
    reports_again: int
    """Such as were not, and were sent again."""
    refused_in_the_dark: int = 0
    """Answers 503 while there was no disk."""
    wrong: tuple[str, ...]
    """What must not be: lost messages, forbidden copies, false states."""


def judge(world: World, posted: Sequence[Posted], told: dict[str, Told]) -> Verdict:
    """Compare."""
    copies: defaultdict[str, list[SandboxMessage]] = defaultdict(list)
    for sandbox in world.sandboxes.values():
        for message in sandbox.ledger.messages:
            copies[message.to].append(message)
    arrivals = world.receiver.arrivals
    statuses = Counter(one.status for one in world.lookups.callbacks_sent)
    return Verdict(
        acknowledged=len(posted),
        repeated_posts=sum(one.tries - 1 for one in posted),
        states=dict(Counter(one.state for one in told.values())),
        copies=sum(len(one) for one in copies.values()),
        doubled=sum(at_risk(copies.get(one.wish.number, ())) > 1 for one in posted if one.wish.channel == "sms"),
        later=sum(one.wish.send_at is not None for one in posted),
        viber=sum(one.wish.channel == "viber" for one in posted),
        instead=sum(one.instead is not None for one in told.values()),
        taken_back=sum(one.stopped_at is not None for one in posted),
        hooked=sum(one.wish.hooked for one in posted),
        webhooks=len(arrivals),
        webhooks_again=len(arrivals) - len({one.id for one in arrivals}),
        reports=statuses[200],
        reports_again=statuses.total() - statuses[200],
        refused_in_the_dark=world.outage.refused,
        wrong=(
            *_of_messages(posted, told, copies),
            *_of_webhooks(posted, told, arrivals),
            *(f"a report was answered with {status}" for status in statuses if status not in FAIR),
            *world.receiver.wrong,
            *world.outage.wrong,
        ),
    )


def _of_messages(
    posted: Sequence[Posted], told: Mapping[str, Told], copies: Mapping[str, Sequence[SandboxMessage]]
) -> Iterator[str]:
    for one in posted:
        wish = one.wish
        for problem in problems(one, told.get(one.id), copies.get(wish.number, ())):
            yield f"{wish.channel}/{wish.message_class} {one.id}: {problem}"
    known = {one.wish.number for one in posted}
    yield from (f"a copy to {number} that no acknowledged message explains" for number in copies if number not in known)


def _of_webhooks(posted: Sequence[Posted], told: Mapping[str, Told], arrivals: Sequence[Arrival]) -> Iterator[str]:
    heard = told_states(arrivals)
    yield from (f"{one}: its client was not told what became of it" for one in untold(posted, told, heard))
    yield from disorder(arrivals)
    for one in posted:
        last = heard.get(one.id, ["nothing"])[-1]
        known = told[one.id]
        if one.wish.hooked and known.instead is None and known.state != last:
            yield f"{one.id}: it is {known.state}, and the last that its client was told is {last}"
