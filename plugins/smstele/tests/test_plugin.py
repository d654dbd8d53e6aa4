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
    assert [{Channel.SMS, Channel.VIBER}, {Channel.SMS, Channel.VIBER, Channel.HLR}] == [
        set(build(account(hlr=hlr)).profile.channels) for hlr in (False, True)
    ]


def test_viber_is_on_until_it_is_turned_off():
    """It is documented, so only an account that has no Viber says so."""
    assert [{Channel.SMS, Channel.VIBER}, {Channel.SMS}] == [
        set(build(account(viber=viber)).profile.channels) for viber in (True, False)
    ]


def test_flash_is_for_sms_only():
    """The document knows it of SMS; Viber messages and lookups have nothing of the kind."""
    channels = build(account(hlr=True)).profile.channels

    assert [channel for channel, limits in channels.items() if limits.flash] == [Channel.SMS]


@pytest.mark.trap("S19")
@pytest.mark.parametrize(("offset", "keeps"), [(None, []), ("+03:00", [Channel.SMS, Channel.VIBER])])
def test_keeping_messages_is_offered_where_the_clock_is_configured(offset, keeps):
    """The document does not say whose clock `deferred` goes by, so the router keeps messages itself by default."""
    channels = build(account(hlr=True, deferred_offset=offset)).profile.channels

    assert keeps == [channel for channel, limits in channels.items() if limits.schedules]
    assert not any(limits.schedules_local or limits.resends for limits in channels.values())


@pytest.mark.parametrize(
    "offset", ["", "3", "+3", "+0300", "03:00", "+24:00", "+14:30", "-14:00", "+03:60", "MSK", "Z"]
)
def test_an_offset_that_cannot_be_read_is_refused_with_an_example(offset):
    """A clock that is a guess would send messages at the wrong hour."""
    with pytest.raises(ValueError, match=r'deferred_offset = ".*write it like "\+03:00"'):
        build(account(deferred_offset=offset))


def test_every_channel_has_its_limits_polling_and_reconciling():
    """Numbers are batched once each, reports are asked for one by one, fates are found out by asking."""
    profile = Smstele(account(hlr=True, batch_size=7, settle=3.5)).profile

    assert set(profile.channels) == set(profile.polling) == set(profile.reconciling)
    assert [(limits.batch, limits.one_per_recipient) for limits in profile.channels.values()] == [(7, True)] * 3
    assert [polling.batch for polling in profile.polling.values()] == [1, 1, 1]
    assert [Reconciling(repeats=False, settle=3.5)] * 3 == list(profile.reconciling.values())


def test_the_defaults_are_the_documented_ones():
    """What a minimal table of `router.toml` means."""
    settings = account()

    assert (settings.viber, settings.hlr, settings.deferred_offset) == (True, False, None)
    assert (settings.validity_unit, settings.batch_size, settings.settle) == (ValidityUnit.NONE, 100, 10.0)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("validity_unit", "hours", "hours"),
        ("batch_size", 0, ">= 1"),
        ("settle", -1, ">= 0"),
        ("pasword", "x", "pasword"),
        ("hlr", "yes", "bool"),
        ("viber", "yes", "bool"),
        ("deferred_offset", 3, "str"),
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
