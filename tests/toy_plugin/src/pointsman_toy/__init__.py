"""The toy provider: registers its two kinds and a strategy, nothing more."""

from collections.abc import Callable

from pointsman.plugin import AnyProviderPlugin, ProviderPlugin, StrategyPlugin, hookimpl
from pointsman_toy.hello import Hello, HelloSettings
from pointsman_toy.provider import Toy
from pointsman_toy.settings import ToySettings
from pointsman_toy.strategy import CAREFUL

SANDBOX = "pointsman_toy.sandbox:ToySandbox"


@hookimpl
def register_providers(register: Callable[[AnyProviderPlugin], None]) -> None:
    """Offer `plugin = "hello"` and `plugin = "toy"`."""
    register(ProviderPlugin(name="hello", settings=HelloSettings, build=Hello, sandbox=SANDBOX))
    register(ProviderPlugin(name="toy", settings=ToySettings, build=Toy, sandbox=SANDBOX))


@hookimpl
def register_strategies(register: Callable[[StrategyPlugin], None]) -> None:
    """Offer `strategy = "careful"`."""
    register(CAREFUL)
