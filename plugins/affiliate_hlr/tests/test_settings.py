"""What may be configured, and what is refused before anything is sent."""

from collections.abc import Callable

import msgspec
import pytest

from pointsman.message import Channel
from pointsman.plugin import AnyProviderPlugin, Secret, Tracked
from pointsman_affiliate_hlr import register_providers
from pointsman_affiliate_hlr.provider import build
from pointsman_affiliate_hlr.settings import Method, Settings

MakeTracked = Callable[..., tuple[Tracked, ...]]


def _convert(**table: object) -> Settings:
    return msgspec.convert(table, Settings, dec_hook=lambda kind, value: Secret(value) if kind is Secret else value)


@pytest.mark.trap("A03")
def test_key_is_sent_without_blanks(tracked: MakeTracked) -> None:
    """A key that was pasted with a trailing blank works."""
    spaced = build(Settings(api_key=Secret(" live_example \n")))

    assert (("X-API-KEY", Secret("live_example")),) == spaced.poll_request(tracked(), None).headers


@pytest.mark.trap("A13", "A18")
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(api_key=Secret("")), "api_key"),
        (Settings(api_key=Secret("  ")), "api_key"),
        (Settings(api_key=Secret("live_a\r\nX-Other: 1")), "api_key"),
        (Settings(api_key=Secret("live_ключ")), "api_key"),
        (Settings(api_key=Secret("test_example")), "allow_test_key"),
        (Settings(api_key=Secret("live_example"), tariff=10), "tariff"),
        (Settings(api_key=Secret("live_example"), tariff=-1), "tariff"),
        (Settings(api_key=Secret("live_example"), batch_size=0), "batch_size"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: Settings, named: str) -> None:
    """Building names the key at fault and never shows the secret."""
    with pytest.raises(ValueError, match=named) as caught:
        build(settings)

    assert "example" not in str(caught.value)


@pytest.mark.trap("A13")
@pytest.mark.parametrize(
    "table", [{"tariff": 10}, {"tariff": -1}, {"tariff": "9"}, {"batch_size": 0}, {"method": "GET"}, {"tarif": 1}]
)
def test_table_with_a_wrong_value_is_refused(table: dict[str, object]) -> None:
    """Ranges, choices and names are checked where the configuration is read."""
    with pytest.raises(msgspec.ValidationError):
        _convert(api_key="live_example", **table)


@pytest.mark.trap("A18")
def test_test_key_can_be_allowed() -> None:
    """A test key works where its random results are wanted."""
    settings = _convert(api_key="test_example", allow_test_key=True, method="POST")

    assert Method.POST is settings.method
    assert tuple(build(settings).profile.channels) == (Channel.HLR,)


def test_profile_declares_what_the_engine_may_do() -> None:
    """Lookups travel in batches of the configured size, may be repeated safely and tell their price."""
    profile = build(Settings(api_key=Secret("live_example"), batch_size=50)).profile
    limits = profile.channels[Channel.HLR]

    assert (limits.batch, limits.repeat_safe, limits.price_reported) == (50, True, True)
    assert (profile.polling[Channel.HLR].batch, profile.polling[Channel.HLR].by_reference) == (1, True)
    assert profile.reconciling[Channel.HLR].repeats is True


def test_plugin_registers_itself() -> None:
    """The hook offers one plugin with its production address and its sandbox."""
    offered: list[AnyProviderPlugin] = []
    register_providers(offered.append)

    (plugin,) = offered
    assert (plugin.name, plugin.base_url) == ("affiliate_hlr", "https://api.affiliate-sms.com")
    assert plugin.sandbox == "pointsman_affiliate_hlr.sandbox:AffiliateSandbox"


def test_key_shows_nowhere(tracked: MakeTracked) -> None:
    """No repr of settings or requests holds the key."""
    settings = Settings(api_key=Secret("live_example"))

    assert "live_example" not in repr(settings) + repr(build(settings).poll_request(tracked(), None))
