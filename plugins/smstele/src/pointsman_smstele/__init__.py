"""Pointsman provider plugin for SMStele.ru (REX400): SMS, and HLR lookups as an experiment."""

from collections.abc import Callable

from pointsman.plugin import AnyProviderPlugin, ProviderPlugin, hookimpl
from pointsman_smstele.provider import build
from pointsman_smstele.settings import Settings


@hookimpl
def register_providers(register: Callable[[AnyProviderPlugin], None]) -> None:
    """Offer the provider to the host."""
    register(
        ProviderPlugin(
            name="smstele",
            settings=Settings,
            build=build,
            base_url="https://rexsmsc.rex400.ru:8882/cgi-bin",
            sandbox="pointsman_smstele.sandbox:SmsteleSandbox",
        )
    )
