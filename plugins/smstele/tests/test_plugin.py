"""What the host sees: registration, settings and the declared profile."""

import msgspec
import pluggy
import pytest

import pointsman_smstele
from pointsman.message import Channel
from pointsman.plugin import ProviderPlugin, Reconciling, Secret
from pointsman.plugin.hookspecs import Hooks
from pointsman_smstele.provider import Smstele, build
from pointsman_smstele.settings import Settings, ValidityUnit


def account(**more: object) -> Settings:
    """Settings as `router.toml` gives them, secrets already resolved."""
    table = {"login": Secret("demo"), "password": Secret("demo")} | more
    return msgspec.convert(table, Settings)


def test_the_hook_registers_one_provider():
    """The module implements the hook by its right name and arguments."""
    manager = pluggy.PluginManager("pointsman")
    manager.add_hookspecs(Hooks)
    manager.register(pointsman_smstele)
    found: list[ProviderPlugin[Settings]] = []

    manager.check_pending()
    manager.hook.register_providers(register=found.append)

    (plugin,) = found
    assert ("smstele", Settings, build) == (plugin.name, plugin.settings, plugin.build)
    assert plugin.base_url == "https://rexsmsc.rex400.ru:8882/cgi-bin"


def test_lookups_are_off_until_they_are_asked_for():
    """HLR is an experiment, so only the configuration turns it on."""
    assert [{Channel.SMS}, {Channel.SMS, Channel.HLR}] == [
        set(build(account(hlr=hlr)).profile.channels) for hlr in (False, True)
    ]


def test_every_channel_has_its_limits_polling_and_reconciling():
    """Numbers are batched once each, reports are asked for one by one, fates are found out by asking."""
    profile = Smstele(account(hlr=True, batch_size=7, settle=3.5)).profile

    assert set(profile.channels) == set(profile.polling) == set(profile.reconciling)
    assert [(limits.batch, limits.one_per_recipient) for limits in profile.channels.values()] == [(7, True)] * 2
    assert [polling.batch for polling in profile.polling.values()] == [1, 1]
    assert [Reconciling(repeats=False, settle=3.5)] * 2 == list(profile.reconciling.values())


def test_the_defaults_are_the_documented_ones():
    """What a minimal table of `router.toml` means."""
    settings = account()

    assert (
        settings.hlr,
        settings.validity_unit,
        settings.batch_size,
        settings.settle,
    ) == (False, ValidityUnit.NONE, 100, 10.0)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("validity_unit", "hours", "hours"),
        ("batch_size", 0, ">= 1"),
        ("settle", -1, ">= 0"),
        ("pasword", "x", "pasword"),
        ("hlr", "yes", "bool"),
    ],
)
def test_bad_settings_are_refused_with_their_name(key, value, words):
    """Wrong values and misspelt keys do not pass."""
    with pytest.raises(msgspec.ValidationError, match=words):
        account(**{key: value})


@pytest.mark.parametrize("name", ["login", "password"])
def test_an_empty_credential_is_refused_by_name(name):
    """An environment variable that is set to nothing is found at the start, not by the first message."""
    with pytest.raises(ValueError, match=f"^{name} is empty"):
        build(account(**{name: Secret("")}))


def test_every_fault_row_says_where_it_comes_from():
    """The published table is complete: code, name, source, and a fault or the word that nobody knows."""
    rows = build(account()).profile.faults

    assert [row.code for row in rows if not (row.code and row.name and row.source)] == []
    assert [row.code for row in rows if (row.fault is None) is not row.unknown] == []
