"""The page that compares the providers says of each what its plugin declares."""

import pytest

from pointsman.config import build_providers, parse_config
from pointsman.loading import load_plugins
from pointsman.message import Channel
from pointsman.plugin import (
    Polls,
    ReadsInbox,
    ReceivesCallbacks,
    Reconciles,
    TellsBalance,
    TellsPrices,
    TellsStatistics,
)
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

NAMES = ("devino", "smstele", "affiliate_hlr")
SANDBOXES = (DevinoSandbox, SmsteleSandbox, AffiliateSandbox)
ABILITIES = {
    "reports by asking": Polls,
    "reports by callback": ReceivesCallbacks,
    "balance": TellsBalance,
    "price list": TellsPrices,
    "incoming messages": ReadsInbox,
    "statistics": TellsStatistics,
}
CHANNELS = {"SMS": Channel.SMS, "Viber": Channel.VIBER, "HLR lookups": Channel.HLR}


@pytest.fixture(scope="module")
def providers():
    """Each plugin as the example of its README configures it."""
    plugins = load_plugins()
    built = {}
    for name, sandbox in zip(NAMES, SANDBOXES, strict=True):
        environment = sandbox().environment
        keys = {"AFFILIATE_KEY": "api_key", f"{name.upper()}_LOGIN": "login", f"{name.upper()}_PASSWORD": "password"}
        lines = [f'{keys[variable]} = {{ env = "{variable}" }}' for variable in environment]
        text = "\n".join([f"[providers.{name}]", f'plugin = "{name}"', *lines, '[rates]\nRUB = "0.01"'])
        built |= build_providers(parse_config(text, plugins=plugins, env=environment), plugins)
    return built


@pytest.fixture
def table(page):
    """The cells of the comparison by the first of their row, and then by plugin."""
    return {row[0]: dict(zip(NAMES, row[1:], strict=True)) for row in page("docs/providers.md").rows("## At a glance")}


@pytest.mark.parametrize("name", NAMES)
def test_abilities_are_those_of_the_plugin(name, table, providers):
    """What a plugin can be asked for says yes on the page."""
    for row, ability in ABILITIES.items():
        if isinstance(providers[name], ability):
            assert table[row][name].startswith("yes"), row


@pytest.mark.parametrize("name", NAMES)
def test_page_promises_no_more_than_the_plugin_has(name, table, providers):
    """What says yes on the page can be asked for, and what says no cannot."""
    for row in ("reports by asking", "reports by callback", "balance", "price list"):
        assert table[row][name].startswith("yes") is isinstance(providers[name], ABILITIES[row]), row


@pytest.mark.parametrize("name", NAMES)
def test_channels_are_offered_at_once_or_opt_in(name, table, providers):
    """A channel that an account has without further settings says yes, any other is opt-in or says no."""
    for row, channel in CHANNELS.items():
        assert table[row][name].startswith("yes") is (channel in providers[name].profile.channels), row


@pytest.mark.parametrize("name", NAMES)
def test_worth_of_a_reference_is_what_the_plugin_declares(name, table, providers):
    """Whether a repeat is harmless, and how a doubt ends, is what the engine goes by."""
    profile = providers[name].profile
    repeats = {limits.repeat_safe for limits in profile.channels.values()}
    ways = {"by repeating": True, "by asking": False}
    said = next(
        (repeat for way, repeat in ways.items() if table["an unknown outcome is cleared up"][name].startswith(way)),
        None,
    )

    assert {table["a repeat is harmless"][name] == "yes"} == repeats
    assert {said} == ({one.repeats for one in profile.reconciling.values()} or {None})
    assert (said is not None) is isinstance(providers[name], Reconciles)


@pytest.mark.parametrize("name", NAMES)
def test_sizes_of_batches_are_the_defaults(name, table, providers):
    """The page names the number of messages in a request that holds without further settings."""
    for limits in providers[name].profile.channels.values():
        assert f"{limits.batch}" in table["messages in a request"][name]
