"""Compares what clients were told with what the sandboxes hold."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import aiohttp
import msgspec

from pointsman.sandbox.delivery import Fate
from pointsman.sandbox.ledger import SandboxMessage

from .crowd import Posted
from .world import KEY, World

SETTLED_WITHIN = 180.0
"""Seconds after the last message until every state must be final."""
FINAL = frozenset({"delivered", "undelivered", "expired", "rejected", "failed", "unknown", "cancelled", "resolved"})
UNSENT = frozenset({"failed", "expired", "cancelled"})
OF_FATE = {"delivered": "delivered", "undelivered": "undelivered", "expired": "expired", "rejected": "rejected"}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon says of one message in the end."""

    state: str
    possible_duplicate: bool
    attempts: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    acknowledged: int
    repeated_posts: int
    states: dict[str, int]
    copies: int
    doubled: int
    """Messages of which two copies went out, which was allowed, and said."""
    wrong: tuple[str, ...]
    """What must not be: lost messages, forbidden copies, false states."""


async def settled(world: World, posted: Sequence[Posted]) -> dict[str, Told]:
    """Ask about every message until its state is final; what is not in time is returned as it is."""
    told: dict[str, Told] = {}
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLED_WITHIN
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        open_ones = list(posted)
        while open_ones and loop.time() < until:
            still = []
            for one in open_ones:
                async with session.get(f"{world.daemon.url}/v1/messages/{one.id}") as answer:
                    if answer.status != 200:
                        told[one.id] = Told(state=f"http {answer.status}", possible_duplicate=False, attempts=0)
                        continue
                    receipt = await answer.json()
                told[one.id] = Told(
                    state=receipt["state"],
                    possible_duplicate=receipt.get("possible_duplicate", False),
                    attempts=len(receipt.get("attempts", ())),
                )
                if receipt["state"] not in FINAL:
                    still.append(one)
            open_ones = still
            if open_ones:
                await asyncio.sleep(0.5)
    return told


def judge(world: World, posted: Sequence[Posted], told: dict[str, Told]) -> Verdict:
    """Compare."""
    copies: defaultdict[str, list[SandboxMessage]] = defaultdict(list)
    for sandbox in world.sandboxes.values():
        for message in sandbox.ledger.messages:
            copies[message.to].append(message)
    wrong: list[str] = []
    doubled = 0
    for one in posted:
        wrong += (f"{one.channel}/{one.message_class} {one.id}: {problem}" for problem in _problems(one, told, copies))
        doubled += _at_risk(copies[one.number]) > 1
    known = {one.number for one in posted}
    strangers = [number for number in copies if number not in known]
    wrong += [f"a copy to {number} that no acknowledged message explains" for number in strangers]
    return Verdict(
        acknowledged=len(posted),
        repeated_posts=sum(one.tries - 1 for one in posted),
        states=dict(Counter(one.state for one in told.values())),
        copies=sum(len(one) for one in copies.values()),
        doubled=doubled,
        wrong=tuple(wrong),
    )


def _at_risk(sent: Sequence[SandboxMessage]) -> int:
    """Return how many copies may have met: one that followed the report that all before it were lost does not count."""
    count = 0
    lost_at = 0.0
    for copy in sorted(sent, key=lambda copy: copy.accepted_at):
        if count == 0 or copy.accepted_at < lost_at:
            count += 1
        lost_at = max(lost_at, copy.course.final_at if copy.course.fate is Fate.UNDELIVERED else float("inf"))
    return count


def _problems(one: Posted, told: dict[str, Told], copies: dict[str, list[SandboxMessage]]) -> Iterator[str]:
    known = told.get(one.id)
    if known is None or known.state not in FINAL:
        yield f"is lost or stuck: {known}"
        return
    sent = copies.get(one.number, [])
    if one.channel == "hlr":
        if known.state not in {"resolved", "failed", "unknown", "expired"}:
            yield f"a lookup is {known.state}"
        return
    most = 2 if one.message_class == "otp" else 1
    if _at_risk(sent) > most:
        yield f"{len(sent)} copies went out"
    if _at_risk(sent) > 1 and not known.possible_duplicate:
        yield "a second copy went out, and nobody was told that it may have"
    if known.state in UNSENT and sent:
        yield f"is {known.state}, but {len(sent)} copies went out"
    fates = {copy.course.fate.value for copy in sent}
    if known.state in OF_FATE and known.state not in UNSENT and known.state not in fates:
        yield f"is {known.state}, but its copies are {sorted(fates)}"
    if "delivered" in fates and known.state in {"undelivered", "rejected"}:
        yield f"is {known.state}, but a copy was delivered"
