"""What the plugin registers and declares."""

import msgspec
import pytest

from pointsman.message import Channel
from pointsman.plugin import ProviderPlugin, Secret
from pointsman_devino import Devino, Settings, register_providers
from pointsman_devino.settings import HlrAuth


def hook(kind, value):
    """Turn text into a secret, as the reader of the configuration does."""
    return kind(value) if kind is Secret else value


def parse(table):
    """Convert a table of the configuration."""
    return msgspec.convert({"login": "l", "password": "p"} | table, Settings, dec_hook=hook)


def test_the_hook_registers_one_provider():
    """The plugin offers itself under its name, with its production address and its sandbox."""
    registered: list[ProviderPlugin] = []
    register_providers(registered.append)

    (plugin,) = registered
    assert ("devino", Settings, Devino) == (plugin.name, plugin.settings, plugin.build)
    assert plugin.base_url == "https://integrationapi.net/rest"
    assert plugin.sandbox == "pointsman_devino.sandbox:DevinoSandbox"


def test_settings_have_the_documents_defaults():
    """Without more than the account: lookups by session, 5 minutes, bulks of 200, roubles, no Viber, no schedules."""
    settings = parse({})

    assert (
        settings.hlr_auth,
        settings.hlr_validity,
        settings.bulk_size,
        settings.currency,
        settings.schedule,
        settings.viber,
    ) == (HlrAuth.SESSION, 5, 200, "RUB", False, False)


@pytest.mark.parametrize(
    "table",
    [
        {"hlr_auth": "both"},
        {"hlr_validity": 0},
        {"bulk_size": 0},
        {"bulk_size": 3000},
        {"currency": "rub"},
        {"bulksize": 5},
        {"viber": "yes"},
        {"schedule": 1},
    ],
)
def test_bad_settings_are_refused(table):
    """A value out of range and a key that does not exist are errors of the configuration."""
    with pytest.raises(msgspec.ValidationError):
        parse(table)


@pytest.mark.parametrize("name", ["login", "password"])
def test_an_empty_credential_is_refused_by_name(name):
    """An empty environment variable is found before the first call."""
    with pytest.raises(ValueError, match=f"{name} is empty"):
        Devino(parse({name: ""}))


def test_credentials_show_in_no_repr():
    """Settings can be logged."""
    settings = Settings(login=Secret("Jonathan"), password=Secret("a+b==13%!"))

    assert "Jonathan" not in repr(settings)
    assert "13%" not in repr(settings)


@pytest.mark.trap("D23", "D40", "D41", "H03")
def test_limits_are_declared(make_devino):
    """2,000 characters, configured bulks, 200 numbers a lookup, each number once; reports one segment at a time."""
    profile = make_devino(bulk_size=450, hlr_validity=3).profile
    sms, hlr = profile.channels[Channel.SMS], profile.channels[Channel.HLR]

    assert (sms.max_characters, sms.batch, sms.sender_required, sms.one_per_recipient) == (2000, 450, True, True)
    assert (hlr.batch, hlr.one_per_recipient) == (200, True)
    assert (profile.polling[Channel.SMS].batch, profile.polling[Channel.SMS].give_up) == (1, 48 * 3600.0)
    assert 3 * 60.0 < profile.polling[Channel.HLR].give_up < 5 * 60.0
    assert profile.reconciling == {}


@pytest.mark.trap("D43")
def test_limits_of_viber_are_declared(make_devino):
    """1,000 characters, each number once, one question a message, and an SMS by the provider where that is wanted."""
    profile = make_devino(viber=True, bulk_size=450).profile
    viber = profile.channels[Channel.VIBER]

    assert (viber.max_characters, viber.batch, viber.sender_required) == (1000, 450, True)
    assert (viber.one_per_recipient, viber.resends, profile.polling[Channel.VIBER].batch) == (True, True, 1)


@pytest.mark.parametrize(
    ("sender", "fits"),
    [
        ("SHOP", True),
        ("Shop24", True),
        ("ELEVENCHARS", True),
        ("12345678901", True),
        ("TWELVELETTER", False),
        ("123456789012345", False),
        ("MY SHOP", False),
        ("Shop.ru", False),
        ("Магазин", False),
        ("SHOP\n", False),
        ("", False),
    ],
)
def test_a_sender_of_viber_is_letters_and_digits(make_devino, sender, fits):
    """Narrower than for an SMS: no blank, no sign, and eleven characters even when all are digits."""
    assert fits is make_devino(viber=True).profile.channels[Channel.VIBER].senders(sender)
