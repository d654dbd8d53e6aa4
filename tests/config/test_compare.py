"""What is different between two configurations, and which differences a running router refuses."""

import msgspec
import pytest

from pointsman.config import Config, DaemonConfig, ProviderConfig, RouterConfig, check_reloadable, compare, parse_config
from pointsman.config.compare import ASPECTS, DAEMON_KEYS, ROUTER_KEYS, Aspect
from pointsman.errors import ConfigError
from pointsman.loading import load_plugins
from pointsman.testing import SCRIPTED

TEXT = """
[rates]
RUB = "0.01"

[providers.a]
plugin = "scripted"
base_url = "http://127.0.0.1:1"
"""
PLUGINS = load_plugins([SCRIPTED])


def read(text: str = TEXT) -> Config:
    """Read a configuration."""
    return parse_config(text, plugins=PLUGINS, env={})


def test_every_key_of_a_provider_is_an_aspect() -> None:
    """A key that is added to a provider's table cannot be forgotten here."""
    assert ASPECTS.keys() == set(ProviderConfig.__struct_fields__) - {"name"}
    assert set(ASPECTS.values()) == set(Aspect)


def test_only_keys_that_there_are_can_be_reloaded() -> None:
    """What may change in a running router is named as it is in the file."""
    assert set(RouterConfig.__struct_fields__) > ROUTER_KEYS
    assert set(DaemonConfig.__struct_fields__) > DAEMON_KEYS


def test_the_same_is_no_change() -> None:
    """Two readings of one file are equal."""
    changes = compare(read(), read())
    assert not changes
    assert changes.words() == ()


def test_changes_in_words() -> None:
    """Everything that changed is told once, without any value of it."""
    new = read(
        TEXT.replace("0.01", "0.02")
        + 'bulk = 2\nfloor = "10"\n[providers.b]\nplugin = "scripted"\nbase_url = "http://127.0.0.1:2"\n'
        + '[router]\nregion = "KZ"\n[policies.default]\nmax_attempts = 2\n'
        + f'[clients.shop]\nkey_sha256 = "{"0" * 64}"\n'
    )
    assert compare(read(), new).words() == (
        "provider b added",
        "provider a (money, settings) changed",
        "routes changed",
        "policies changed",
        "rates changed",
        "clients changed",
        "router.region changed",
    )
    assert compare(new, read()).removed == ("b",)


@pytest.mark.parametrize("table", ["router", "daemon"])
def test_what_is_not_listed_needs_a_restart(table: str) -> None:
    """Each key of these two tables that is not known to be taken over is refused when it changes."""
    old = read()
    keys = {"router": (RouterConfig, ROUTER_KEYS), "daemon": (DaemonConfig, DAEMON_KEYS)}
    kind, reloadable = keys[table]
    for key in kind.__struct_fields__:
        changed = msgspec.structs.replace(getattr(old, table), **{key: "something else"})
        new = msgspec.structs.replace(old, **{table: changed})
        if key in reloadable:
            check_reloadable(old, new)
        else:
            with pytest.raises(ConfigError, match=f"{table}.{key}: cannot change while the router runs"):
                check_reloadable(old, new)
