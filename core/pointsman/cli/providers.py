"""`pointsman providers`: how every provider is doing."""

import asyncio

from pointsman.cli.exits import ExitCode
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.output import Output
from pointsman.engine.status import ProviderStatus
from pointsman.events import Called, CallOutcome, Event
from pointsman.routing.breaker import BreakerState

_BAD = frozenset({CallOutcome.FAILED, CallOutcome.REFUSED, CallOutcome.UNKNOWN})


class Troubles:
    """An observer that remembers the last thing that each provider refused while it was asked for its balance."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Note a call that went wrong."""
        if isinstance(event, Called) and event.outcome in _BAD:
            why = " ".join(filter(None, (event.fault, event.code, event.detail)))
            self.found[event.provider] = f"{event.operation}: {why}"


def providers(*, common: Common | None = None) -> int:
    """Show every provider: its channels, balance, health, and what is out of use there. The balances are read for it.

    The money that is available is the balance less the floor.
    """
    setup = set_up(common or Common())
    troubles = Troubles()
    statuses = asyncio.run(_ask(setup, troubles))
    for status in statuses:
        setup.output.record(status)
    columns = ("provider", "plugin", "channels", ">balance", ">available", ">health", "state", "remarks")
    setup.output.table(columns, [_cells(status, troubles.found.get(status.name, "")) for status in statuses])
    return ExitCode.GOOD


async def _ask(setup: Setup, troubles: Troubles) -> tuple[ProviderStatus, ...]:
    async with opened(setup, observers=[troubles]) as router:
        return router.providers()


def _cells(status: ProviderStatus, trouble: str) -> tuple[object, ...]:
    unknown = "unknown"
    health = " ".join(f"{channel}:{value:.2f}" for channel, value in status.health.items())
    return (
        status.name,
        status.plugin,
        " ".join(status.channels),
        status.balance or unknown,
        status.available or unknown,
        health,
        _state(status),
        trouble,
    )


def _state(status: ProviderStatus) -> str:
    """Return the worst that is to be said of a provider."""
    if status.quarantined is not None:
        return f"out of use: {status.quarantined}"
    if status.rests:
        return "; ".join(
            f"{rest.scope} {rest.subject} rests: {rest.fault}"
            + (f" until {Output.clock_time(rest.until)}" if rest.until != float("inf") else "")
            for rest in status.rests
        )
    down = [channel for channel, state in status.breakers.items() if state is not BreakerState.CLOSED]
    return f"down: {' '.join(down)}" if down else "ready"
