"""The toy provider: registers its two kinds, nothing more."""

from collections.abc import Callable

from pointsman.plugin import AnyProviderPlugin, ProviderPlugin, hookimpl
from pointsman_toy.hello import Hello, HelloSettings
from pointsman_toy.provider import Toy
from pointsman_toy.settings import ToySettings

SANDBOX = "pointsman_toy.sandbox:ToySandbox"


@hookimpl
def register_providers(register: Callable[[AnyProviderPlugin], None]) -> None:
    """Offer `plugin = "hello"` and `plugin = "toy"`."""
    register(ProviderPlugin(name="hello", settings=HelloSettings, build=Hello, sandbox=SANDBOX))
    register(ProviderPlugin(name="toy", settings=ToySettings, build=Toy, sandbox=SANDBOX))
