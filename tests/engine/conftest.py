"""Routers over scripted providers on this machine, on a clock that stands still."""

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from pointsman.config import parse_config
from pointsman.loading import PluginSet, load_plugins
from pointsman.router import Router
from pointsman.testing import SCRIPTED, FakeClock, ScriptedSandbox

Keys = Mapping[str, Any]
BuildRouter = Callable[..., Router]


@pytest.fixture(scope="session")
def plugins() -> PluginSet:
    """The scripted plugin and no other."""
    return load_plugins([SCRIPTED], entry_points=False)


@pytest.fixture(scope="session")
def build_router(plugins: PluginSet) -> BuildRouter:
    """Build a router; `providers` are base URL and keys by name, and one route sends everything to all of them."""

    def build(
        providers: Mapping[str, tuple[str, Keys]],
        *,
        route: Keys | None = None,
        policy: Keys | None = None,
        **arguments: Any,
    ) -> Router:
        lines = ["[router]", 'store = "memory:"']
        for name, (base_url, keys) in providers.items():
            lines += [f"[providers.{name}]", *_lines({"plugin": "scripted", "base_url": base_url, **keys})]
        lines += ["[policies.default]", *_lines({"strategy": "priority", **(policy or {})})]
        lines += ["[[routes]]", *_lines({"name": "all", "providers": list(providers), **(route or {})})]
        config = parse_config("\n".join(lines), plugins=plugins, env={})
        return Router(config, plugins=plugins, only_loopback=True, **arguments)

    return build


def _lines(table: Keys) -> Sequence[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


@pytest.fixture(scope="session")
def closed_port() -> Iterator[str]:
    """The base URL of a port on which nobody listens, kept so by a socket that is only bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
async def sandboxes(clock: FakeClock) -> AsyncIterator[Mapping[str, ScriptedSandbox]]:
    """Two running providers, `a` and `b`."""
    async with ScriptedSandbox(clock=clock) as one, ScriptedSandbox(clock=clock) as other:
        yield {"a": one, "b": other}
