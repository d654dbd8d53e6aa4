"""The store is the one that the configuration names: built in, of a plugin, or told to be none."""

from pathlib import Path

import pytest

from pointsman.config import Config, load_config, store_for
from pointsman.errors import PluginError
from pointsman.loading import PluginSet, load_plugins
from pointsman.plugin import StoreOptions, StorePlugin
from pointsman.router import Router
from pointsman.store import MemoryStore
from pointsman.store.interface import Retention
from pointsman.store.sqlite import SqliteStore
from pointsman.testing import SCRIPTED, FakeClock

PROVIDER = '[providers.p]\nplugin = "scripted"\nbase_url = "http://127.0.0.1:9"\n'


def configured(folder: Path, text: str, plugins: PluginSet) -> Config:
    """Return a configuration from a file in a folder."""
    file = folder / "router.toml"
    file.write_text(f"{text}\n{PROVIDER}", encoding="utf-8")
    return load_config(file, plugins=plugins)


def plugins(*more: object) -> PluginSet:
    """Return the plugins of a test."""
    return load_plugins([SCRIPTED, *more], entry_points=False)


@pytest.mark.parametrize("text", ["", '[router]\nstore = "memory:"'])
def test_memory(tmp_path: Path, text: str):
    """Without a word about it, messages are kept in memory."""
    found = plugins()

    assert isinstance(store_for(configured(tmp_path, text, found), found, FakeClock()), MemoryStore)


def test_sqlite_beside_the_configuration(tmp_path: Path):
    """The path of a journal starts at the folder of the configuration, and nothing is made before it is opened."""
    found = plugins()
    config = configured(tmp_path, '[router]\nstore = "sqlite:journal.db"', found)
    router = Router(config, plugins=found)

    assert isinstance(router._store, SqliteStore)
    assert router._store.path == tmp_path / "journal.db"
    assert not router._store.path.exists()


async def test_transactions_are_told(tmp_path: Path):
    """A router tells of the transactions of its store as events."""
    found = plugins()
    config = configured(tmp_path, '[router]\nstore = "sqlite:journal.db"', found)
    events: list[object] = []
    async with Router(config, plugins=found, observers=[events.append]) as router:
        await router._store.keep("kind", "name", b"value")

    (event,) = [one for one in events if type(one).__name__ == "JournalCommitted"]
    assert event.writes >= 1  # type: ignore[attr-defined]  # what looks for waiting messages may share it


def test_store_of_a_plugin(tmp_path: Path):
    """A plugin's store is told what stands behind the colon, where the configuration is, and the clock."""
    seen: list[StoreOptions] = []

    def make(options: StoreOptions) -> MemoryStore:
        seen.append(options)
        return MemoryStore()

    found, clock = plugins(StorePlugin(name="cluster", make=make)), FakeClock()
    store_for(configured(tmp_path, '[router]\nstore = "cluster://db/x"', found), found, clock)

    assert seen == [StoreOptions(address="//db/x", folder=tmp_path, clock=clock)]


def test_plugin_that_makes_no_store(tmp_path: Path):
    """What is no store is refused when it is made, and what it lacks is named."""
    found = plugins(StorePlugin(name="broken", make=lambda options: object()))
    config = configured(tmp_path, '[router]\nstore = "broken:"', found)

    with pytest.raises(PluginError, match=r"is no store: it has no accept, apply, .*waiting"):
        store_for(config, found, FakeClock())
    with pytest.raises(PluginError, match="not loaded"):
        store_for(config, plugins(), FakeClock())


def test_retention(tmp_path: Path):
    """What is said about retention is what a store is told; the defaults are the same on both sides."""
    found = plugins()

    assert configured(tmp_path, "", found).retention.terms() == Retention()
    changed = configured(tmp_path, '[retention]\ntexts = "1h"\nkeys = "1d12h"', found).retention.terms()
    assert changed == Retention(texts=3600.0, keys=129600.0)
