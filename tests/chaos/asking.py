"""Asks the daemon about every message until nothing more is going to happen."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp
import msgspec

from .crowd import Posted
from .receiver import told_states
from .world import KEY, World

SETTLED_WITHIN = 180.0
"""Seconds after the last message until every state must be final, and until all that is told must have been told."""
FINAL = frozenset({"delivered", "undelivered", "expired", "rejected", "failed", "unknown", "cancelled", "resolved"})
NOT_THERE = "http"
"""What the state begins with of a message that the daemon does not show."""
NOT_GOT = frozenset({"undelivered", "rejected", "expired", "failed"})
"""States of a Viber message that an SMS follows."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon says of one message in the end."""

    id: str
    state: str
    possible_duplicate: bool = False
    started: tuple[float, ...] = ()
    """When its attempts began; wall time."""
    instead: "Told | None" = None
    """The SMS in place of a Viber message."""


def followed(one: Posted, told: Told) -> bool:
    """Say whether an SMS has to take the place of a message."""
    is_lost = told.instead is None and told.state in NOT_GOT
    return one.wish.channel == "viber" and is_lost and not one.may_be_stopped


def is_over(one: Posted, told: Told) -> bool:
    """Say whether nothing more is going to happen."""
    if told.state not in FINAL or followed(one, told):
        return told.state.startswith(NOT_THERE)
    return told.instead is None or told.instead.state in FINAL


async def settled(world: World, posted: Sequence[Posted]) -> dict[str, Told]:
    """Ask about every message until it is over and its client has been told; else return it as it is at last."""
    told: dict[str, Told] = {}
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask(those: Iterable[Posted]) -> None:
            for one in those:
                told[one.id] = await _told(session, world.daemon.url, one.id)

        async def all_over() -> bool:
            await ask([one for one in posted if one.id not in told or not is_over(one, told[one.id])])
            return all(is_over(one, told[one.id]) for one in posted)

        async def all_heard() -> bool:
            return not untold(posted, told, told_states(world.receiver.arrivals))

        await _until(all_over, 0.5)
        await _until(all_heard, 0.2)
        # What was not known may have come to light while the others were waited for.
        await ask([one for one in posted if told[one.id].state == "unknown"])
        await _until(all_over, 0.5)
        await _until(all_heard, 0.2)
    return told


def untold(posted: Iterable[Posted], told: Mapping[str, Told], heard: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the messages of whose end the receiver did not hear."""
    missing = []
    for one in posted:
        if not one.wish.hooked or told[one.id].state not in FINAL:
            continue
        last = told[one.id].instead or told[one.id]
        both = {*heard.get(one.id, ()), *heard.get(last.id, ())}
        if not {told[one.id].state, last.state} <= both:
            missing.append(one.id)
    return missing


async def _until(done: Callable[[], Awaitable[bool]], pause: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_WITHIN):
            while True:
                if await done():
                    return
                await asyncio.sleep(pause)


async def _told(session: aiohttp.ClientSession, url: str, message_id: str) -> Told:
    async with session.get(f"{url}/v1/messages/{message_id}") as answer:
        if answer.status != 200:
            return Told(id=message_id, state=f"{NOT_THERE} {answer.status}")
        return _read(await answer.json())


def _read(receipt: Mapping[str, Any]) -> Told:
    instead = receipt.get("fallback")
    return Told(
        id=receipt["id"],
        state=receipt["state"],
        possible_duplicate=receipt.get("possible_duplicate", False),
        started=tuple(datetime.fromisoformat(one["started_at"]).timestamp() for one in receipt.get("attempts", ())),
        instead=_read(instead) if instead else None,
    )
