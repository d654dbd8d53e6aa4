"""The hooks of pluggy group `pointsman`. Hooks register and observe; the work goes through typed interfaces."""

from collections.abc import Callable

import pluggy

from pointsman.events import Event
from pointsman.plugin.interface import AnyProviderPlugin
from pointsman.plugin.keeping import StorePlugin
from pointsman.plugin.ranking import StrategyPlugin

ENTRY_POINT_GROUP = "pointsman.plugins"

hookspec = pluggy.HookspecMarker("pointsman")
hookimpl = pluggy.HookimplMarker("pointsman")


class Hooks:
    """Every hook that a plugin may implement; each is optional."""

    @hookspec
    def register_providers(self, register: Callable[[AnyProviderPlugin], None]) -> None:
        """Call `register` once for each kind of provider. Must be quick and do no I/O."""

    @hookspec
    def register_strategies(self, register: Callable[[StrategyPlugin], None]) -> None:
        """Call `register` once for each strategy. Must be quick and do no I/O."""

    @hookspec
    def register_stores(self, register: Callable[[StorePlugin], None]) -> None:
        """Call `register` once for each kind of store. Must be quick and do no I/O."""

    @hookspec
    def observed(self, event: Event) -> None:
        """See an event after it happened. Must be quick; what it raises is logged and otherwise ignored."""
