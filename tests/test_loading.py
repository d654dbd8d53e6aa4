"""Plugins are found one by one; what is broken is quarantined and named, and the rest works."""

import logging
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pointsman.events import BalanceRead, Event
from pointsman.loading import MAX_OBSERVER_FAILURES, PluginSet, Quarantine, load_plugins
from pointsman.plugin import ProviderPlugin, StorePlugin, StrategyPlugin, hookimpl

GOOD = """
    import msgspec
    from pointsman.plugin import ProviderPlugin, StrategyPlugin, hookimpl

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    @hookimpl
    def register_providers(register):
        register(ProviderPlugin(name="{provider}", settings=Settings, build=lambda settings: None))
"""
EVENT = BalanceRead(at=0.0, provider="x", balance=None)

Install = Callable[..., None]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings that a plugin may register."""


class Loose(msgspec.Struct):
    """Settings that a plugin may not register: neither frozen nor strict."""


class Unreadable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings whose type no decoder can serve."""

    either: Settings | Loose


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution with one module and one entry point, for the length of a test."""
    monkeypatch.syspath_prepend(tmp_path)
    count = 0

    def install(point: str, source: str, *, distribution: str | None = None, entry_points: str | None = None) -> None:
        nonlocal count
        count += 1
        module = f"tmp_plugin_{tmp_path.name.replace('-', '_')}_{count}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        name = distribution or f"dist-{point}"
        info = tmp_path / f"{name.replace('-', '_')}-1.{count}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.{count}\n")
        (info / "entry_points.txt").write_text(entry_points or f"[pointsman.plugins]\n{point} = {module}\n")

    return install


def quarantine_of(plugins: PluginSet, name: str) -> Quarantine:
    """Return the one quarantine of a name."""
    [found] = [quarantine for quarantine in plugins.quarantined if quarantine.name == name]
    return found


def provider(name: Any = "echo", **changes: Any) -> ProviderPlugin[Any]:
    """Return a kind of provider, well formed but for the changes."""
    values: dict[str, Any] = {"settings": Settings, "build": lambda settings: settings, **changes}
    return ProviderPlugin(name=name, **values)


def observer(observed: Callable[..., object], name: str = "watcher") -> SimpleNamespace:
    """Return a plugin that only observes."""
    return SimpleNamespace(__name__=name, observed=hookimpl(observed))


def test_installed_plugin_is_loaded_with_its_origin(install: Install) -> None:
    """A plugin of an installed distribution is loaded, and known by distribution, version, hooks and providers."""
    install("acme", GOOD.format(provider="acme_sms"))

    plugins = load_plugins()

    [loaded] = [plugin for plugin in plugins.loaded if plugin.name == "acme"]
    expected = ("dist-acme", "1.1", ("register_providers",), ("acme_sms",))
    assert expected == (loaded.distribution, loaded.version, loaded.hooks, loaded.provides)
    assert "acme_sms" in plugins.providers


def test_bundled_plugins_are_found() -> None:
    """The three bundled providers are found through their entry points."""
    assert {"devino", "affiliate_hlr", "smstele"} <= set(load_plugins().providers)


ALL_HOOKS = "register_providers, register_strategies, register_stores, observed"
BROKEN = [
    ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
    ("import sys; sys.exit(3)", "SystemExit: 3"),
    ("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x"),
    ("def broken(:", "SyntaxError"),
    ("import no_such_module_anywhere", "ModuleNotFoundError"),
    (
        "answer = 42",
        f"it offers nothing: it has none of the hooks {ALL_HOOKS}",
    ),
    (
        "from pointsman.plugin import hookimpl\n@hookimpl\ndef register_provider(register): pass",
        f"there is no hook register_provider; the hooks are {ALL_HOOKS}",
    ),
    ("from pointsman.plugin import hookimpl\n@hookimpl\ndef observed(event, wrong): pass", "wrong"),
    ("from pointsman.plugin import hookimpl\n@hookimpl\nasync def observed(event): pass", "observed is async"),
    (
        "from pointsman.plugin import hookimpl\n@hookimpl\ndef register_providers(register): pass",
        "it offers nothing: it registers no provider, no strategy and no store",
    ),
    ("from pointsman.plugin import hookimpl\n@hookimpl\ndef register_providers(register): 1 / 0", "ZeroDivisionError"),
    (
        "from pointsman.plugin import hookimpl\n@hookimpl\ndef register_providers(register): register('devino')",
        "registers a str, not a ProviderPlugin",
    ),
]


@pytest.mark.parametrize(("source", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_broken_plugin_is_named_and_others_work(install: Install, source: str, reason: str) -> None:
    """Whatever is wrong with a plugin, it is quarantined with the reason and its neighbour is loaded."""
    install("broken", source)
    install("fine", GOOD.format(provider="fine_sms"))

    plugins = load_plugins()

    quarantine = quarantine_of(plugins, "broken")
    assert reason in quarantine.reason
    assert (quarantine.distribution, quarantine.version) == ("dist-broken", "1.1")
    assert "fine_sms" in plugins.providers


PLACES: dict[str, tuple[dict[str, str], str]] = {
    "a syntax error below": (
        {"__init__.py": "import acme.deep\n", "deep.py": "x = 1\ndef broken(:\n"},
        "acme/__init__.py:1, acme/deep.py:2",
    ),
    "a module that is missing": ({"__init__.py": "\n\nimport no_such_module_anywhere\n"}, "acme/__init__.py:3"),
    "a name that is missing elsewhere": (
        {"__init__.py": "from acme import deep\n", "deep.py": "\nfrom json import no_such_name\n"},
        "acme/deep.py:2",
    ),
    "an attribute that is missing elsewhere": (
        {"__init__.py": "import acme.deep\n", "deep.py": "import json\njson.no_such_name\n"},
        "acme/deep.py:2",
    ),
    "somebody else's error": ({"__init__.py": "import json\njson.loads('no JSON')\n"}, "acme/__init__.py:2"),
    "a name that is missing in the plugin": (
        {"__init__.py": "from acme.deep import b\n", "deep.py": "a = 1\n"},
        "acme/__init__.py:1",
    ),
    "a hook that raises": (
        {
            "__init__.py": "from pointsman.plugin import hookimpl\n"
            "@hookimpl\ndef register_providers(register):\n    raise AttributeError('late')\n"
        },
        "acme/__init__.py:4",
    ),
}


@pytest.mark.parametrize(("files", "place"), PLACES.values(), ids=PLACES)
def test_reason_names_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], place: str
) -> None:
    """What an error in a package is about is found without a traceback, and no folder of this machine is shown."""
    package = tmp_path / "acme"
    info = tmp_path / "acme-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    for name, source in files.items():
        (package / name).write_text(source)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pointsman.plugins]\nacme = acme\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("acme", "acme.deep"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    reason = quarantine_of(load_plugins(), "acme").reason

    assert reason.endswith(f"({place})")
    assert str(tmp_path) not in reason
    assert not re.search(r"[ ('\"]/", reason)
    for module in ("acme", "acme.deep"):
        sys.modules.pop(module, None)


def test_module_that_is_not_there_is_named(install: Install) -> None:
    """An entry point that leads nowhere says so by the name of the module."""
    install("lost", "", entry_points="[pointsman.plugins]\nlost = no_such_module_anywhere:plugin\n")

    assert "No module named 'no_such_module_anywhere'" in quarantine_of(load_plugins(), "lost").reason


def test_keyboard_interrupt_is_not_swallowed(install: Install) -> None:
    """Ctrl-C while plugins are loaded ends the program."""
    install("slow", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_two_distributions_with_one_name_are_both_refused(install: Install) -> None:
    """Neither of two entry points of one name is imported, and both distributions are named."""
    install("twin", "raise SystemError('imported')", distribution="first-twin")
    install("twin", "raise SystemError('imported')", distribution="second-twin")

    twins = [quarantine for quarantine in load_plugins().quarantined if quarantine.name == "twin"]

    assert [quarantine.distribution for quarantine in twins] == ["first-twin", "second-twin"]
    assert all("first-twin 1.1, second-twin 1.2" in quarantine.reason for quarantine in twins)


def test_two_plugins_with_one_provider_are_both_refused(install: Install) -> None:
    """When two plugins register the same provider, neither is used, and each is told about the other."""
    install("one", GOOD.format(provider="same"))
    install("two", GOOD.format(provider="same"))

    plugins = load_plugins()

    assert "same" not in plugins.providers
    assert quarantine_of(plugins, "one").claims == ("same",)
    assert "two (dist-two 1.2)" in quarantine_of(plugins, "one").reason
    assert "one (dist-one 1.1)" in quarantine_of(plugins, "two").reason


def test_damaged_metadata_do_not_stop_the_others(install: Install) -> None:
    """A distribution whose list of entry points cannot be parsed is named; all others are loaded."""
    install("hurt", "", entry_points="[pointsman.plugins]\nno equals sign\n")
    install("fine", GOOD.format(provider="fine_sms"))

    plugins = load_plugins()

    assert "entry_points.txt cannot be read" in quarantine_of(plugins, "dist-hurt").reason
    assert "fine_sms" in plugins.providers


def test_disabled_plugin_is_not_even_imported(install: Install) -> None:
    """A disabled entry point leaves no trace: it is not imported, loaded or quarantined."""
    install("unwanted", "raise RuntimeError('imported')")

    plugins = load_plugins(disabled=["unwanted"])

    assert "unwanted" not in {plugin.name for plugin in (*plugins.loaded, *plugins.quarantined)}


def test_passed_objects_need_no_packaging() -> None:
    """A kind of provider, or any object with hooks, can be passed as it is."""
    module = SimpleNamespace(
        __name__="mine", register_providers=hookimpl(lambda register: register(provider("from_a_hook")))
    )

    plugins = load_plugins([provider("bare"), module], entry_points=False)

    assert {"bare", "from_a_hook"} == set(plugins.providers)
    assert [plugin.name for plugin in plugins.loaded] == ["bare", "mine"]


REGISTRATIONS = [
    (provider("Bad Name"), "'Bad Name'"),
    (provider(7), "the name 7"),
    (provider(settings=Loose), "frozen=True and forbid_unknown_fields=True"),
    (provider(settings=dict), "not a msgspec.Struct"),
    (provider(settings=Unreadable), "a type that cannot be read"),
    (provider(build="no"), "cannot be called"),
]


@pytest.mark.parametrize(("registered", "reason"), REGISTRATIONS, ids=[reason for _, reason in REGISTRATIONS])
def test_malformed_registration_is_refused(registered: ProviderPlugin[Any], reason: str) -> None:
    """What a plugin registers is checked before anybody relies on it."""
    plugins = load_plugins([registered], entry_points=False)

    assert dict(plugins.providers) == {}
    assert reason in plugins.quarantined[0].reason


def test_registering_a_provider_twice_is_refused() -> None:
    """A plugin that registers two providers of one name offers neither."""

    def register_providers(register: Callable[[object], None]) -> None:
        register(provider("echo"))
        register(provider("echo"))

    plugins = load_plugins([SimpleNamespace(register_providers=hookimpl(register_providers))], entry_points=False)

    assert "twice" in plugins.quarantined[0].reason
    assert plugins.quarantined[0].claims == ("echo",)


def test_two_sets_share_nothing() -> None:
    """An observer of one set sees nothing of the events of another."""
    seen: list[Event] = []
    load_plugins([observer(lambda event: seen.append(event))], entry_points=False)

    load_plugins(entry_points=False).observe(EVENT)

    assert seen == []


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), GeneratorExit()], ids=lambda error: repr(error))
def test_failing_observer_does_not_hide_events_from_others(error: BaseException) -> None:
    """Every observer sees every event, whatever another one raises."""

    def fail(event: Event) -> None:
        raise error

    seen: list[Event] = []
    plugins = load_plugins(
        [observer(fail, "first"), observer(lambda event: seen.append(event), "second"), observer(fail, "third")],
        entry_points=False,
    )

    plugins.observe(EVENT)

    assert seen == [EVENT]
    assert dict(plugins.observer_failures) == {"first": 1, "third": 1}


def test_observer_that_keeps_failing_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """After its third failure an observer is called no more, is quarantined and was logged each time."""
    calls = 0

    def fail(event: Event) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("the text of an error may hold a secret")

    plugins = load_plugins([observer(fail)], entry_points=False)
    with caplog.at_level(logging.WARNING, "pointsman.plugins"):
        stopped = [list(plugins.observe(EVENT)) for _ in range(5)]

    quarantine = quarantine_of(plugins, "watcher")
    assert [[], [], [quarantine], [], []] == stopped
    assert calls == MAX_OBSERVER_FAILURES == len(caplog.records)
    assert "RuntimeError" in quarantine.reason
    assert "secret" not in caplog.text + quarantine.reason


def test_keyboard_interrupt_passes_an_observer() -> None:
    """Ctrl-C inside of an observer ends the program."""

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_plugins([observer(interrupted)], entry_points=False).observe(EVENT)


# -- strategies --------------------------------------------------------------------------------------------------------


def ranks(*strategies: object, name: str = "ranks") -> SimpleNamespace:
    """Return a plugin that registers strategies."""

    def register_strategies(register: Callable[[Any], None]) -> None:
        for strategy in strategies:
            register(strategy)

    return SimpleNamespace(__name__=name, register_strategies=hookimpl(register_strategies))


def strategy(name: Any = "fair", rank: Any = list) -> StrategyPlugin:
    """Return a strategy, well formed but for what is given."""
    return StrategyPlugin(name=name, rank=rank)


async def late() -> None:
    """Stand for a strategy that waits."""


def test_strategies_are_found_by_name() -> None:
    """A strategy is registered by a hook or passed as it is, and the plugin is known to offer it."""
    plugins = load_plugins([ranks(strategy("fair"), strategy("unfair")), strategy("alone")], entry_points=False)

    assert set(plugins.strategies) == {"fair", "unfair", "alone"}
    assert [plugin.strategies for plugin in plugins.loaded] == [("fair", "unfair"), ("alone",)]
    assert plugins.quarantined == ()


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        ([list], "it registers a type as a strategy, not a StrategyPlugin"),
        ([strategy("No Name")], "it registers the strategy 'No Name'; a name is 1 to 32 of a-z 0-9 _"),
        ([strategy(7)], "it registers the strategy 7;"),
        ([strategy("balanced")], 'it registers the strategy "balanced", which is built in; choose another name'),
        ([strategy(rank=None)], 'the rank of the strategy "fair" cannot be called'),
        ([strategy(rank=late)], 'the rank of the strategy "fair" is async'),
        ([strategy(), strategy()], 'it registers the strategy "fair" twice'),
        ([], "it offers nothing: it registers no provider, no strategy and no store"),
    ],
)
def test_strategies_that_cannot_be_used(registered: list[object], reason: str) -> None:
    """What is no strategy puts its plugin aside with the reason, and the next plugin is loaded."""
    plugins = load_plugins([ranks(*registered), provider("good")], entry_points=False)

    assert quarantine_of(plugins, "ranks").reason.startswith(reason)
    assert plugins.strategies == {}
    assert set(plugins.providers) == {"good"}


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        (list, "it registers a type as a store, not a StorePlugin"),
        (StorePlugin(name="No Name", make=list), "it registers the store 'No Name'; a name is 1 to 32 of a-z 0-9 _"),
        (StorePlugin(name="sqlite", make=list), 'it registers the store "sqlite", which is built in'),
        (StorePlugin(name="odd", make=None), 'the make of the store "odd" cannot be called'),  # type: ignore[arg-type]
        (StorePlugin(name="odd", make=late), 'the make of the store "odd" is async'),
    ],
)
def test_stores_that_cannot_be_used(registered: object, reason: str) -> None:
    """What is no store puts its plugin aside with the reason."""

    @hookimpl
    def register_stores(register: Callable[[object], None]) -> None:
        register(registered)

    plugins = load_plugins([SimpleNamespace(__name__="keeps", register_stores=register_stores)], entry_points=False)

    assert quarantine_of(plugins, "keeps").reason.startswith(reason)
    assert plugins.stores == {}


def test_stores_are_found_by_name() -> None:
    """A store may be passed as it is; a name that two plugins want is nobody's."""
    one, two = StorePlugin(name="one", make=list), StorePlugin(name="two", make=list)

    assert set(load_plugins([one, two], entry_points=False).stores) == {"one", "two"}
    assert load_plugins([one, one], entry_points=False).stores == {}


def test_two_plugins_with_one_strategy() -> None:
    """A name that two plugins want is nobody's; both are named."""
    plugins = load_plugins([ranks(strategy(), name="a"), ranks(strategy(), name="b")], entry_points=False)

    assert plugins.strategies == {}
    for quarantine in plugins.quarantined:
        assert quarantine.strategies == ("fair",)
        assert 'several plugins register a strategy "fair": a (passed as an object), b (passed' in quarantine.reason


def test_strategy_that_is_put_aside() -> None:
    """Whoever puts a strategy aside gets its plugin named; a stranger is an error."""
    plugins = load_plugins([ranks(strategy())], entry_points=False)

    put = plugins.put_aside("fair", "it raised")

    assert (put.name, put.reason) == ("ranks", 'its strategy "fair" is out of use: it raised')
    assert plugins.quarantined == (put,)
    with pytest.raises(KeyError):
        plugins.put_aside("unfair", "it raised")
