"""`pointsman sandbox`: every provider's sandbox on this machine, for trying things out."""

import asyncio
import importlib
import shlex
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.job import stopped_by_signals
from pointsman.cli.options import JsonOption
from pointsman.cli.output import Output
from pointsman.errors import PluginError, PointsmanError
from pointsman.loading import load_plugins
from pointsman.plugin import AnyProviderPlugin
from pointsman.sandbox import Sandbox, running
from pointsman.sandbox.control import PREFIX

PORTS = {"devino": 8101, "affiliate_hlr": 8102, "smstele": 8103}
"""Where the example `router.toml` looks for them; the sandboxes of other plugins take free ports."""

Ports = Annotated[str | None, Parameter(help="Ports that differ, such as devino=9101,smstele=0; 0 takes a free one.")]
Env = Annotated[
    bool,
    Parameter(
        negative="", show_default=False, help='Only print the credentials, for eval "$(pointsman sandbox --env)".'
    ),
]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sandbox is and what it lets in."""

    name: str
    base_url: str | None
    """None while it does not run."""
    control: str | None
    """Where it is scripted and read."""
    environment: Mapping[str, str]
    """Its credentials, made up, by the names of environment variables."""


def sandbox(*, ports: Ports = None, env: Env = False, json: JsonOption = False) -> int:
    """Serve the sandboxes of all loaded plugins on 127.0.0.1 until Ctrl-C.

    A sandbox behaves as the provider's documented API does, and keeps its state until it ends. The credentials are made
    up; `eval "$(pointsman sandbox --env)"` puts them into the environment, where the example router.toml looks.
    """
    output = Output(json=json)
    boxes = make_sandboxes(load_plugins().providers.values())
    wanted = {**PORTS, **read_ports(ports or "", boxes)}
    if not env:
        return asyncio.run(_serve(boxes, wanted, output))
    for name, box in boxes.items():
        output.record(Place(name=name, base_url=None, control=None, environment=box.environment))
        _show_credentials(box, output)
    return output.ended(ExitCode.GOOD)


def make_sandboxes(plugins: Iterable[AnyProviderPlugin]) -> dict[str, Sandbox]:
    """Return a sandbox for each plugin that has one. Raises `PluginError` when it cannot be made."""
    boxes = {}
    for plugin in plugins:
        if plugin.sandbox is not None:
            box = _make(plugin.name, plugin.sandbox)
            boxes[box.name] = box
    return boxes


def _make(name: str, place: str) -> Sandbox:
    module, _, attribute = place.partition(":")
    try:
        box = getattr(importlib.import_module(module), attribute)()
    except Exception as error:
        raise PluginError(name, f"its sandbox {place} cannot be made: {type(error).__name__}") from error
    if not isinstance(box, Sandbox):
        raise PluginError(name, f"its sandbox {place} is not a pointsman.sandbox.Sandbox")
    return box


def control_of(box: Sandbox) -> str:
    """Return the address below which a sandbox is scripted and read."""
    return box.origin + PREFIX


def read_ports(text: str, boxes: Iterable[str]) -> dict[str, int]:
    """Read `name=port,…`. Raises `UsageError`."""
    ports = {}
    for part in filter(None, text.split(",")):
        name, _, port = part.strip().partition("=")
        if name not in boxes:
            raise UsageError(f"--ports: there is no sandbox {name!r}; there are {', '.join(sorted(boxes))}")
        if not (port.isascii() and port.isdecimal() and int(port) <= 65535):
            raise UsageError(f"--ports: {part!r} names no port; write {name}=PORT with a port from 0 to 65535")
        ports[name] = int(port)
    return ports


async def _serve(boxes: Mapping[str, Sandbox], ports: Mapping[str, int], output: Output) -> int:
    stop = asyncio.Event()
    with stopped_by_signals(stop.set):
        try:
            async with running(boxes.values(), ports):
                for name, box in boxes.items():
                    place = Place(
                        name=name, base_url=box.base_url, control=control_of(box), environment=box.environment
                    )
                    output.record(place)
                columns = ("sandbox", "base_url", "control")
                output.table(columns, [(name, box.base_url, control_of(box)) for name, box in boxes.items()])
                output.show("")
                for box in boxes.values():
                    _show_credentials(box, output)
                output.note("running until Ctrl-C")
                await stop.wait()
                return output.ended(ExitCode.GOOD)
        except OSError as error:
            raise PointsmanError(f"cannot listen: {error.strerror}; --ports chooses other ports") from None


def _show_credentials(box: Sandbox, output: Output) -> None:
    for variable, value in box.environment.items():
        output.show(f"export {variable}={shlex.quote(value)}")
