"""A running sandbox that knows the document's session, and a client that sends requests exactly as written."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any, NamedTuple

import aiohttp
import pytest
from yarl import URL

from pointsman_devino.sandbox import DevinoSandbox

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
NOW = 1326844800.0
"""2012-01-18T00:00:00Z, the day of one of the document's examples."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.text)

    @property
    def refusal(self) -> tuple[int, int, str]:
        """HTTP status, code and description of an error in the quoted spelling."""
        assert list(self.json) == ["Code", "Desc"]
        return self.status, self.json["Code"], self.json["Desc"]


class HandClock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> float:
        """Wall time."""
        return self.time

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""
        raise AssertionError(f"slept for {seconds} s")

    def advance(self, seconds: float) -> None:
        """Move the time."""
        self.time += seconds


@pytest.fixture
async def box() -> AsyncIterator[DevinoSandbox]:
    """A running sandbox that knows the session of the document's examples."""
    async with DevinoSandbox(clock=HandClock(), balance=Decimal("20015.3")) as sandbox:
        sandbox.sessions.admit(SESSION, NOW)
        yield sandbox


@pytest.fixture
async def call(box: DevinoSandbox) -> AsyncIterator[Callable[..., Awaitable[Answer]]]:
    """Send a request exactly as it is written; status and body of the answer."""
    async with aiohttp.ClientSession() as session:

        async def request(path: str, body: str | None = None, *, method: str | None = None) -> Answer:
            verb = method or ("POST" if "Send" in path or "send" in path else "GET")
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
            url = URL(f"{box.base_url}/{path}", encoded=True)
            async with session.request(verb, url, data=body, headers=headers) as response:
                assert response.headers["Cache-Control"] == "private"
                assert response.headers["Content-Type"] == "application/json; charset=utf-8"
                return Answer(response.status, await response.text())

        yield request
