"""`pointsman providers`: how every provider is doing."""

import asyncio
from collections.abc import Sequence

from pointsman.cli.exits import ExitCode
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.output import Output
from pointsman.engine.status import OpenCell, ProviderStatus
from pointsman.events import BalanceRead, Called, CallOutcome, Event, Operation
from pointsman.message import Channel
from pointsman.outcome import Fault
from pointsman.routing.observed import Drift

_ASKED = frozenset({Operation.LOGIN, Operation.BALANCE})
_READY = "ready"
DRIFTS_SHOWN = 3
"""Networks with a price that drifted, of each provider."""
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


class Asking:
    """An observer that remembers how each provider answered when it was asked for its balance.

    State: the last call to each provider, and who told a balance.
    """

    def __init__(self) -> None:
        self.last: dict[str, Called] = {}
        self.told: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Note a call or a balance."""
        match event:
            case Called() if event.operation in _ASKED:
                self.last[event.provider] = event
            case BalanceRead(provider=provider, balance=balance) if balance is not None:
                self.told.add(provider)


class Account(ProviderStatus, frozen=True, kw_only=True):
    """A provider as it is shown."""

    told: bool
    """The provider told the balance just now; else it is the opening balance less what was spent."""
    state: str
    """`ready`, or what is wrong with it."""
    remark: str = ""
    """The provider's words about it."""

    @property
    def is_ready(self) -> bool:
        """Nothing is known to be wrong."""
        return self.state.startswith(_READY)


def providers(*, common: Common | None = None) -> int:
    """Show every provider: its channels, balance, health, and what is out of use there. The balances are read for it.

    The money that is available is the balance less the floor. Exit code 1 when a provider is not ready.
    """
    setup = set_up(common or Common())
    accounts = asyncio.run(_ask(setup))
    for account in accounts:
        setup.output.record(account)
    columns = ("provider", ">balance", "known", ">available", ">lasts", "~health", "~prices", "~state", "~remark")
    setup.output.table(columns, [_cells(account) for account in accounts])
    ready = all(account.is_ready for account in accounts)
    return setup.output.ended(ExitCode.GOOD if ready else ExitCode.FAILED)


async def _ask(setup: Setup) -> list[Account]:
    asking = Asking()
    async with opened(setup, observers=[asking]) as router:
        statuses = router.providers()
    # Only now, because a call that had no answer in time is told about when it is cut off.
    return [_account(status, asking) for status in statuses]


def _account(status: ProviderStatus, asking: Asking) -> Account:
    last = asking.last.get(status.name)
    fields = {name: getattr(status, name) for name in ProviderStatus.__struct_fields__}
    remark = " ".join(filter(None, (last.operation, last.code, last.detail))) if last is not None else ""
    return Account(
        **fields,
        told=status.name in asking.told,
        state=_state(status, last),
        remark=remark if last is not None and last.outcome is not CallOutcome.ANSWERED else "",
    )


def _cells(account: Account) -> tuple[object, ...]:
    unknown = "unknown"
    return (
        account.name,
        account.balance or unknown,
        None if account.balance is None else "told" if account.told else "assumed",
        account.available or unknown,
        lasts(account.runway),
        " ".join(_health(account, channel) for channel in account.health),
        _drifts(account.drifts),
        account.state,
        account.remark,
    )


def _drifts(drifts: Sequence[Drift]) -> str | None:
    """Say where a provider charges something else than the list says: the most different ones."""
    if not drifts:
        return None
    worst = sorted(drifts, key=lambda one: abs(one.ratio - 1.0), reverse=True)
    shown = [f"{one.channel} {one.network} {(one.ratio - 1.0) * 100.0:+.0f} %".replace("  ", " ") for one in worst]
    more = len(shown) - DRIFTS_SHOWN
    return ", ".join(shown[:DRIFTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _health(account: Account, channel: Channel) -> str:
    """Return the chance of delivery in percent, and on how many messages that rests."""
    return f"{channel}:{account.health[channel]:.0%}({account.evidence.get(channel, 0.0):.0f})"


def _state(status: ProviderStatus, last: Called | None) -> str:
    """Return the worst that is to be said of a provider."""
    if status.quarantined is not None:
        return f"out of use: {status.quarantined}"
    if status.drained is not None:
        return f"drained: {status.drained}"
    if last is not None and (trouble := _trouble(last)):
        return trouble
    if status.rests:
        return "; ".join(
            f"{rest.scope} {rest.subject} rests: {rest.fault}"
            + (f" until {Output.clock_time(rest.until)}" if rest.until != float("inf") else "")
            for rest in status.rests
        )
    if status.open_cells:
        return "; ".join(map(_open_cell, status.open_cells))
    return _READY if last is not None else f"{_READY} (not asked)"


def _open_cell(cell: OpenCell) -> str:
    where = f"{cell.channel} to network {cell.network}" if cell.network is not None else cell.channel
    end = f" until {Output.clock_time(cell.until)}" if cell.until is not None else ""
    return f"{where} {cell.state}{end}: {cell.reason}"


def lasts(runway: float | None) -> str | None:
    """Return how long the money lasts, in the largest unit of which there are two."""
    if runway is None:
        return None
    seconds, name = next(((size, name) for size, name in _UNITS if runway >= 2 * size), (1.0, "s"))
    return f"{runway / seconds:.0f} {name}"


def _trouble(last: Called) -> str:
    """Return what the answer to the last question says about the account; empty when all is well."""
    if last.outcome in {CallOutcome.ANSWERED, CallOutcome.ACCEPTED}:
        return ""
    if last.fault in {None, Fault.UNAVAILABLE} and last.http_status is None:
        return "no answer" if last.left else "unreachable"
    return f"out: {last.fault or last.code}"
