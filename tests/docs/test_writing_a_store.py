"""The page about stores shows code that runs, and names every method."""

import asyncio
from types import SimpleNamespace

from pointsman.config import parse_config, store_for
from pointsman.loading import load_plugins
from pointsman.store import MemoryStore
from pointsman.store.interface import Store
from pointsman.testing import SCRIPTED, FakeClock
from pointsman.testing.stores import STORE_CHECKS

PAGE = "docs/writing-a-store.md"
CONFIG = '[providers.p]\nplugin = "scripted"\nbase_url = "http://127.0.0.1:9"\n[router]\nstore = "small:500"\n'


def test_plugin_runs(page):
    """The plugin of the page makes the store that its configuration names."""
    names: dict[str, object] = {}
    exec(compile(page(PAGE).blocks("python")[0], "<example>", "exec"), names)
    plugins = load_plugins([SCRIPTED, SimpleNamespace(**names, __name__="small")], entry_points=False)
    store = store_for(parse_config(CONFIG, plugins=plugins), plugins, FakeClock())

    assert isinstance(store, MemoryStore)
    assert store._keep == 500


def test_contract_runs(page):
    """The test of the page passes for a store that is good."""
    names: dict[str, object] = {}
    exec(compile(page(PAGE).blocks("python")[1], "<example>", "exec"), names)

    asyncio.run(names["test_contract"]())
    assert len(STORE_CHECKS) > 30


def test_methods(page):
    """Every method of a store is in the table or the text."""
    methods = [name for name in dir(Store) if not name.startswith("_") and callable(getattr(Store, name))]
    text = page(PAGE).text

    assert "apply" in methods
    known = {"start_account", "keep", "forget", "kept", "next_letter", "dead_letters"}
    assert [name for name in methods if name not in known and f"`{name}`" not in text] == []
