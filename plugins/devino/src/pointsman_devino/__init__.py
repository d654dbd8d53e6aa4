"""The Devino provider for Pointsman: registers it, nothing more."""

from collections.abc import Callable

from pointsman.plugin import AnyProviderPlugin, ProviderPlugin, hookimpl
from pointsman_devino.provider import Devino
from pointsman_devino.settings import Settings

__all__ = ["Devino", "Settings", "register_providers"]


@hookimpl
def register_providers(register: Callable[[AnyProviderPlugin], None]) -> None:
    """Offer the plugin under the name `devino`."""
    register(
        ProviderPlugin(
            name="devino",
            settings=Settings,
            build=Devino,
            base_url="https://integrationapi.net/rest",
            sandbox="pointsman_devino.sandbox:DevinoSandbox",
        )
    )
