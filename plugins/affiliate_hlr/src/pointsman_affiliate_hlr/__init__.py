"""Number lookups through affiliate-sms.com, a white label of BSG."""

from collections.abc import Callable

from pointsman.plugin import AnyProviderPlugin, ProviderPlugin, hookimpl
from pointsman_affiliate_hlr.provider import build
from pointsman_affiliate_hlr.settings import Settings


@hookimpl
def register_providers(register: Callable[[AnyProviderPlugin], None]) -> None:
    """Offer `plugin = "affiliate_hlr"`."""
    register(
        ProviderPlugin(
            name="affiliate_hlr",
            settings=Settings,
            build=build,
            base_url="https://api.affiliate-sms.com",
            sandbox="pointsman_affiliate_hlr.sandbox:AffiliateSandbox",
        )
    )
