"""Shows the demo while it runs: a table that changes on a terminal, a line for each phase anywhere else."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pointsman.clock import Clock
from pointsman.demo.tally import Tally
from pointsman.outcome import State
from pointsman.router import Router

REFRESHES = 8
"""Times a second."""
_OPEN = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT})


class Watch(Protocol):
    """Somebody who is told how far the demo is. Used as `async with`."""

    async def __aenter__(self) -> Self:
        """Begin."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """End."""
        ...

    def phase(self, title: str) -> None:
        """A new phase begins."""
        ...


class Silent:
    """Shows nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def phase(self, title: str) -> None:
        """Ignore it."""


class Lines:
    """Prints a line for each phase."""

    def __init__(self, console: Console, tally: Tally, total: int, clock: Clock) -> None:
        self._console = console
        self._tally = tally
        self._total = total
        self._clock = clock
        self._started = clock.monotonic()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.phase("the end")

    def phase(self, title: str) -> None:
        """Print where we are."""
        now = self._clock.monotonic() - self._started
        done = f"{_finished(self._tally):3d} of {self._total} final"
        self._console.print(f"{now:5.1f} s  {done}  {self._tally.requests:4d} calls  {title}", soft_wrap=True)


class Screen:
    """A table on a terminal, drawn anew several times a second.

    State: the phases so far, the last of which goes on, and the task that draws.
    """

    def __init__(self, console: Console, router: Router, tally: Tally, total: int, clock: Clock) -> None:
        self._router = router
        self._tally = tally
        self._total = total
        self._phases: list[str] = []
        self._clock = clock
        self._started = clock.monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._drawing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._live.start()
        self._drawing = asyncio.create_task(self._draw(), name="demo screen")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            with suppress(asyncio.CancelledError):
                await self._drawing
        self._live.stop()

    def phase(self, title: str) -> None:
        """Show it in the list."""
        self._phases.append(f"{self._clock.monotonic() - self._started:5.1f} s  {title}")

    async def _draw(self) -> None:
        while True:
            # Drawn by the event loop and not by a thread of rich's: what is drawn changes between two steps of it.
            self._live.update(self._picture(), refresh=True)
            await asyncio.sleep(1 / REFRESHES)

    def _picture(self) -> Group:
        elapsed = self._clock.monotonic() - self._started
        states = "  ".join(f"{state} {count}" for state, count in sorted(_states(self._tally).items()) if count)
        return Group(
            Text(f"Pointsman demo  {elapsed:4.1f} s   {_finished(self._tally)} of {self._total} final", style="bold"),
            *(Text(line, style="dim") for line in self._phases[-6:-1]),
            *(Text(line, style="bold cyan") for line in self._phases[-1:]),
            self._providers(),
            Text(states),
            Text(self._tally.latest, style="dim", overflow="ellipsis", no_wrap=True),
        )

    def _providers(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in ("provider", "breaker", "balance", "in flight", "accepted", "refused", "unknown", "answered"):
            table.add_column(heading, justify="left" if heading in {"provider", "breaker"} else "right")
        for status in self._router.providers():
            breakers = "/".join(dict.fromkeys(str(state) for state in status.breakers.values()))
            table.add_row(
                status.name,
                Text("resting", style="yellow") if status.rests else Text(breakers, style=_colour(breakers)),
                f"{status.balance.amount:.2f} {status.balance.currency}" if status.balance is not None else "?",
                str(status.in_flight),
                *(
                    str(self._tally.calls_of(status.name, what))
                    for what in ("accepted", "refused", "unknown", "answered")
                ),
            )
        return table


def _colour(breaker: str) -> str:
    return "green" if breaker == "closed" else "red"


def _states(tally: Tally) -> Mapping[State, int]:
    states: dict[State, int] = {}
    for (_, state), count in tally.states.items():
        states[state] = states.get(state, 0) + count
    return states


def _finished(tally: Tally) -> int:
    return sum(count for (_, state), count in tally.states.items() if state not in _OPEN)
