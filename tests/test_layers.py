"""Who may import whom, who may open sockets and who may look at a clock, read from the source.

The layers are those of `docs/architecture.md`. Imports inside of functions and for type checkers count like any other.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core"
PLUGINS = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml"))

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"message", "outcome", "clock", "errors", "secret"}),
    frozenset({"text", "events"}),
    frozenset({"routing", "plugin"}),
    frozenset(
        {
            "router",
            "sync",
            "engine",
            "store",
            "transport",
            "telemetry",
            "testing",
            "sandbox",
            "config",
            "loading",
            "guard",
        }
    ),
    frozenset({"cli", "demo", "bench", "daemon"}),
)
"""From the bottom to the top. A part may import from its own layer and from those below it."""

VOCABULARY = frozenset({"message", "outcome", "clock", "errors", "secret", "events"})
FOR_PLUGINS = VOCABULARY | {"plugin", "sandbox", "testing", "text"}
FOR_PLUGIN_SANDBOXES = VOCABULARY | {"sandbox"}

CLIENTS = {
    "pointsman/daemon/webhooks/calling.py": "posts to addresses that clients chose, behind a guard of its own",
    "pointsman/bench/embedded.py": "the bare client that the router is measured against",
    "pointsman/bench/daemon.py": "asks the provider of the measurement what it has taken",
    "pointsman/bench/journal.py": "likewise",
    "pointsman/bench/serving.py": "asks the server under measurement for its metrics",
    "pointsman/bench/load.py": "the client of servers under measurement",
    "pointsman/bench/proxy.py": "the bare proxy that the daemon is measured against",
    "pointsman_affiliate_hlr/sandbox/callbacks.py": "a sandbox calls back like the provider, on this machine only",
}
"""Modules besides the transport that make connections, and why."""

LISTENERS = {
    "pointsman/daemon/listening.py": "the server",
    "pointsman/sandbox/serving.py": "sandboxes, on this machine only",
    "pointsman/bench/server.py": "what the measurements send to, on this machine only",
    "pointsman/bench/proxy.py": "what the daemon is measured against, on this machine only",
}
"""Modules that open sockets for others to connect to, and why."""

PROGRAMS = LAYERS[-1]
"""Parts that nobody depends on. They run in real time, which is what a measurement and a show are about."""

CLOCKS = {"pointsman/clock.py": "the one place where time comes from"}
"""Modules below the programs that read the machine's clock, and why."""

WAITS = {
    "pointsman/clock.py": "the one place where waiting happens",
    "pointsman/sandbox/answering.py": "a client that goes away does so in real time, also when the clock is virtual",
    "pointsman/testing/kept.py": "a store that takes its time lets the loop turn, as a disk does",
    "pointsman/testing/clock.py": "a virtual clock lets the loop turn, and looks now and then at what is still busy",
}
"""Modules below the programs that sleep on the event loop itself, and why."""

CHANCE = {
    "pointsman/router.py": "an embedder who gives no generator gets one seeded by the system",
    "pointsman/routing/ranking.py": "seeded by the decision, so that it can be made again exactly",
    "pointsman/testing/simulator/baselines.py": "seeded by the scene, so that every run of it is the same",
    "pointsman/testing/simulator/routed.py": "seeded likewise",
    "pointsman/sandbox/base.py": "seeded, so that a sandbox does the same every time",
    "pointsman_devino/sandbox/server.py": "seeded likewise; what session ids draw must not change anything else",
}
"""Modules below the programs that make a random generator, and why; all others are given one."""


def modules(folder: Path) -> list[Path]:
    """Return the modules below a folder."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def sources() -> Iterator[tuple[str, Path]]:
    """Yield every module that is shipped, with its path below the folder that is on Python's path."""
    for folder in (CORE, *(ROOT / "plugins" / name / "src" for name in PLUGINS)):
        for path in modules(folder):
            yield path.relative_to(folder).as_posix(), path


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every module that is imported, with the line; `from pointsman import text` counts as `pointsman.text`."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                yield from ((name.name, node.lineno) for name in names)
            case ast.ImportFrom(module="pointsman", names=names):
                yield from ((f"pointsman.{name.name}", node.lineno) for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module, node.lineno
            case ast.ImportFrom(level=level) if level > 0:
                yield "." * level, node.lineno


def calls(path: Path) -> Iterator[str]:
    """Yield every call of a name with a dot in it or without, such as `time.monotonic` or `Random`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def below_the_programs() -> Iterator[tuple[str, Path]]:
    """Yield every module that is shipped, except those of the programs."""
    return ((name, path) for name, path in sources() if own_part(name) not in PROGRAMS)


def part_of(module: str) -> str:
    """Return the part of the package that a module belongs to; `(top)` for the package itself."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "(top)"


def layer_of(part: str) -> int:
    """Return the number of a part's layer, counted from below. Raises `StopIteration` for a part that has none."""
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


def own_part(path: str) -> str:
    """Return the part of a module of the core by its path, such as `pointsman/text/msisdn.py`."""
    return path.split("/")[1].removesuffix(".py")


CORE_MODULES = [(name, path) for name, path in sources() if name.startswith("pointsman/")]


def test_every_part_has_a_layer():
    """Each module and package of the core belongs to exactly one layer, and each name in the layers exists."""
    parts = {own_part(name) for name, _ in CORE_MODULES} - {"__init__"}

    assert parts == frozenset().union(*LAYERS)
    assert sum(map(len, LAYERS)) == len(parts)


def test_imports_go_downward_only():
    """No part of the core imports from a layer above its own."""
    upward = [
        f"{name}:{line} imports {module}"
        for name, path in CORE_MODULES
        if own_part(name) != "__init__"
        for module, line in imports(path)
        if module.split(".")[0] == "pointsman"
        if part_of(module) == "(top)" or layer_of(part_of(module)) > layer_of(own_part(name))
    ]

    assert upward == []


def test_parts_do_not_go_in_circles():
    """Within a layer too, no two parts need each other, directly or round about."""
    needs: dict[str, set[str]] = {}
    for name, path in CORE_MODULES:
        if own_part(name) != "__init__":
            found = {part_of(module) for module, _ in imports(path) if module.split(".")[0] == "pointsman"}
            needs.setdefault(own_part(name), set()).update(found - {own_part(name)})
    while free := {part for part, needed in needs.items() if not needed}:
        needs = {part: needed - free for part, needed in needs.items() if part not in free}

    assert needs == {}


def test_imports_are_absolute():
    """No module is imported by its place, so that a reader sees at once which layer a name is from."""
    relative = [
        f"{name}:{line}" for name, path in sources() for module, line in imports(path) if module.startswith(".")
    ]

    assert relative == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_see_only_what_is_theirs(plugin):
    """A plugin imports its own modules, the plugin interface and the vocabulary, and nothing of the machinery."""
    source = ROOT / "plugins" / plugin / "src"
    (package,) = (path.name for path in source.iterdir() if path.is_dir())
    foreign = [
        f"{path.relative_to(source)}:{line} imports {module}"
        for path in modules(source)
        for module, line in imports(path)
        if module.split(".")[0].startswith("pointsman")
        if module.split(".")[0] != package
        if module.split(".")[0] != "pointsman" or part_of(module) not in FOR_PLUGINS
    ]

    assert foreign == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_sandboxes_know_nothing_of_their_plugin(plugin):
    """A sandbox is written from the provider's document: it shares no table, no form and no help with the plugin."""
    source = ROOT / "plugins" / plugin / "src"
    sandbox = next(source.glob("*/sandbox"))
    shared = [
        f"{path.relative_to(source)}:{line} imports {module}"
        for path in modules(sandbox)
        for module, line in imports(path)
        if module.split(".")[0].startswith("pointsman")
        if not module.startswith(f"{sandbox.parent.name}.sandbox")
        if module.split(".")[0] != "pointsman" or part_of(module) not in FOR_PLUGIN_SANDBOXES
    ]

    assert shared == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_do_not_import_their_sandbox(plugin):
    """A plugin names its sandbox but does not import it: who only sends does not load a server."""
    source = ROOT / "plugins" / plugin / "src"
    loaded = [
        f"{path.relative_to(source)}:{line} imports {module}"
        for path in modules(source)
        if "sandbox" not in path.parts
        for module, line in imports(path)
        if ".sandbox" in module
    ]

    assert loaded == []


def test_only_the_transport_calls_out():
    """No other module makes a client or opens a connection, except those that are listed with their reason."""
    clients = {
        name
        for name, path in sources()
        if not name.startswith("pointsman/transport/")
        for call in calls(path)
        if call.endswith(("ClientSession", "TCPConnector", "open_connection", "create_connection", "urlopen"))
        or call == "aiohttp.request"
    }

    assert clients == set(CLIENTS)


def test_only_servers_listen():
    """No other module waits for connections, except those that are listed with their reason."""
    listeners = {
        name
        for name, path in sources()
        for call in calls(path)
        if call.endswith(("TCPSite", "UnixSite", "SockSite", "create_server", "start_server"))
    }

    assert listeners == set(LISTENERS)


@pytest.mark.parametrize("part", ["message", "outcome", "errors", "secret", "events", "text", "routing", "plugin"])
def test_lower_layers_do_no_input_or_output(part):
    """What decides is pure: no event loop, no sockets, no HTTP library, no clock and no log below the engine."""
    impure = {
        "asyncio",
        "aiohttp",
        "socket",
        "threading",
        "time",
        "logging",
        "structlog",
        "subprocess",
        "prometheus_client",
    }
    found = [
        f"{name}:{line} imports {module}"
        for name, path in CORE_MODULES
        if own_part(name) == part
        for module, line in imports(path)
        if module.split(".")[0] in impure
    ]

    assert found == []


def test_plugins_are_values_in_values_out():
    """Outside of its sandbox a plugin neither waits nor calls nor logs nor looks at a clock."""
    impure = {
        "asyncio",
        "aiohttp",
        "socket",
        "threading",
        "time",
        "logging",
        "structlog",
        "subprocess",
        "http",
        "urllib3",
    }
    found = [
        f"{name}:{line} imports {module}"
        for name, path in sources()
        if not name.startswith("pointsman/") and "/sandbox/" not in name
        for module, line in imports(path)
        if module.split(".")[0] in impure
    ]

    assert found == []


def test_time_comes_from_the_clock():
    """Nobody but the clock, and those listed with their reason, reads the time of the machine."""
    readers = {
        name
        for name, path in below_the_programs()
        for call in calls(path)
        if call.startswith("time.")
        or call.endswith(("datetime.now", "datetime.utcnow", "datetime.today", "date.today"))
    }
    readers |= {name for name, path in below_the_programs() for module, _ in imports(path) if module == "time"}

    assert readers == set(CLOCKS)


def test_waiting_goes_through_the_clock():
    """Nobody but the clock, and those listed with their reason, sleeps on the event loop itself."""
    sleepers = {
        name for name, path in below_the_programs() for call in calls(path) if call in {"asyncio.sleep", "time.sleep"}
    }

    assert sleepers == set(WAITS)


def test_chance_is_passed_in():
    """Nobody uses the generator that the whole process shares, and few make one of their own."""
    shared = [
        name
        for name, path in below_the_programs()
        for module, _ in imports(path)
        if module == "random" and _whole(path)
    ]
    makers = {
        name for name, path in below_the_programs() for call in calls(path) if call in {"Random", "random.Random"}
    }

    assert shared == []
    assert makers == set(CHANCE)


def _whole(path: Path) -> bool:
    """Say whether a module imports the library `random` as a whole, or something of it that is no generator."""
    return any(
        (isinstance(node, ast.Import) and any(name.name == "random" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "random" and {n.name for n in node.names} != {"Random"})
        for node in ast.walk(tree(path))
    )


def test_nothing_is_global():
    """No module of the core or of a plugin keeps state of its own: what stands at module level is never rebound."""
    rebound = [
        f"{name}:{node.lineno}"
        for name, path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]

    assert rebound == []
