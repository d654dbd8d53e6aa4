"""Calls the client back with results. What such a call looks like is not documented, so its form can be chosen.

Only loopback addresses are ever called: a sandbox must not reach out of the machine on the word of a client.
"""

import asyncio
import enum
import heapq
import ipaddress
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from pointsman.clock import Clock
from pointsman_affiliate_hlr.sandbox.documents import Found

TIMEOUT_SECONDS = 2.0
TICK_SECONDS = 0.05
"""How often the clock is looked at, because it may be pushed ahead while nobody sleeps on it."""


class CallbackStyle(enum.StrEnum):
    """Three forms seen at comparable providers."""

    QUERY = "query"
    """GET, everything in the query."""
    FORM = "form"
    """POST of a form."""
    JSON = "json"
    """POST of the object that a status query gives."""


class Callbacks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How results are reported."""

    style: CallbackStyle = CallbackStyle.QUERY
    copies: int = 1
    """How often each report is sent."""
    late: float = 0.0
    """Seconds between the result and its report."""
    stale_after_final: bool = False
    """Send the interim status `sent` after the final one, as if it had been overtaken."""
    capitals: bool = False
    """Names of fields begin with a capital letter, as some comparable providers write them."""
    only: tuple[str, ...] = ()
    """The fields that are told, such as `status` and `msisdn`; empty for all."""
    account_url: str | None = None
    """Where reports go for requests without a (correct) address of their own."""
    repeats: int = 10
    """How often a report that was not answered with 200 is sent again."""
    pause: float = 1.0
    """Seconds before such a repeat."""


class SentCallback(msgspec.Struct, frozen=True, kw_only=True):
    """One report that was sent, or withheld because its address is not on this machine."""

    url: str
    found: Found
    at: float
    status: int | None
    """Of the answer; None when there was none."""
    withheld: bool = False


class _Due(msgspec.Struct, frozen=True, order=True):
    at: float
    number: int
    url: str
    found: Found
    manner: Callbacks
    repeats_left: int


def is_correct(url: str | None) -> bool:
    """Say whether this is a web address at all."""
    try:
        parts = urlsplit(url or "")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Say whether an address stays on this machine."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class Reporter:
    """The reports that are due and the one task that sends them. What is due survives `stop`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[_Due] = []
        self._numbers = count()
        self._task: asyncio.Task[None] | None = None
        self.sent: list[SentCallback] = []

    def plan(self, url: str, found: Found, at: float, manner: Callbacks) -> None:
        """Send a report at a wall time, in the given manner."""
        for _ in range(manner.copies):
            heapq.heappush(self._due, _Due(at, next(self._numbers), url, found, manner, manner.repeats))

    def run(self) -> None:
        """Start sending what is due, unless that goes on already."""
        if self._due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stop sending."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def clear(self) -> None:
        """Forget what is due and what was sent."""
        self._due.clear()
        self.sent.clear()

    async def _work(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while self._due:
                wait = self._due[0].at - self._clock.now()
                if wait > 0:
                    await self._clock.sleep(min(wait, TICK_SECONDS))
                    continue
                await self._report(session, heapq.heappop(self._due))

    async def _report(self, session: aiohttp.ClientSession, due: _Due) -> None:
        withheld = not is_loopback(due.url)
        status = None if withheld else await _send(session, due.url, due.found, due.manner)
        now = self._clock.now()
        self.sent.append(SentCallback(url=due.url, found=due.found, at=now, status=status, withheld=withheld))
        if status != 200 and not withheld and due.repeats_left > 0:
            at, number = now + due.manner.pause, next(self._numbers)
            again = msgspec.structs.replace(due, at=at, number=number, repeats_left=due.repeats_left - 1)
            heapq.heappush(self._due, again)


def _told(found: Found, manner: Callbacks) -> dict[str, Any]:
    """Return the fields of a report, as the manner wants them."""
    fields = msgspec.to_builtins(found)
    return {
        name[:1].upper() + name[1:] if manner.capitals else name: value
        for name, value in fields.items()
        if not manner.only or name in manner.only
    }


async def _send(session: aiohttp.ClientSession, url: str, found: Found, manner: Callbacks) -> int | None:
    """Send one report; return the status of the answer, if there was one."""
    told = _told(found, manner)
    fields = {name: value for name, value in told.items() if isinstance(value, str)}
    match manner.style:
        case CallbackStyle.QUERY:
            request = session.get(url, params=fields, allow_redirects=False)
        case CallbackStyle.FORM:
            request = session.post(url, data=fields, allow_redirects=False)
        case CallbackStyle.JSON:
            headers = {"Content-Type": "application/json"}
            request = session.post(url, data=msgspec.json.encode(told), headers=headers, allow_redirects=False)
    try:
        async with request as response:
            await response.read()
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return None
