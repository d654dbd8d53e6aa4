"""What a scripted account can do: the keys of its table in router.toml."""

import enum
from typing import Annotated

import msgspec

from pointsman.message import Channel

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Reconcile(enum.StrEnum):
    """How a `Scripted` account lets unknown outcomes be cleared up."""

    NONE = "none"
    QUERY = "query"
    """It can be asked by our reference."""
    REPEAT = "repeat"
    """It recognises the repeat of a reference."""


class ScriptedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scripted account can do; the keys of its table in `router.toml`."""

    channels: frozenset[Channel] = frozenset(Channel)
    bulk: Positive = 1
    """Messages in one request, at most."""
    one_per_recipient: bool = False
    needs_login: bool = False
    reconcile: Reconcile = Reconcile.NONE
    settle: float = 10.0
    """Seconds; see `Reconciling.settle`."""
    tells_reports: bool = False
    poll_bulk: Positive = 1
    """Ids in one poll, at most."""
    by_reference: bool = False
    """It can be polled by our reference as well."""
    tells_balance: bool = False
    reads_inbox: bool = False
    tells_statistics: bool = False
    tells_prices: bool = False
    window_days: Positive = 90
    """Days that one question about inbox or statistics may span."""
    oldest_days: Positive | None = None
    """How many days it can be asked back."""
    account: str = ""
    """The name of the account, where it has one."""
    currency: str = "EUR"
    flash: bool = False
    schedules: bool = False
    schedules_local: bool = False
    resends: bool = False
    """It sends an SMS itself in place of a Viber message, when it is asked to."""
