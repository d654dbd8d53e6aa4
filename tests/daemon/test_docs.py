"""The pages about the server agree with it: paths, problems, metrics, lines, and the examples run."""

import asyncio
import json
import os
import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from pointsman.daemon import app, diary, keeping, service
from pointsman.daemon.figures import Figures
from pointsman.daemon.keys import Rejection
from pointsman.daemon.problems import SORTS
from pointsman.daemon.pulse import Pulse
from pointsman.daemon.table import ENDPOINTS

from .rig import Rig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "http-api.md").read_text()
TELEMETRY = (ROOT / "docs" / "telemetry.md").read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading."""
    section = text.split(f"\n{heading}\n", 1)[1]
    table = re.findall(r"(?:^\|.*\n?)+", section, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_every_endpoint_is_listed():
    """The table names each method of each path, with its listener, and no other."""
    listed = {}
    for call, listener, _ in rows(PAGE, "## Endpoints"):
        for part in re.findall(r"`([^`]+)`", call):
            methods, _, path = part.rpartition(" ")
            listed[methods or "GET", path.partition("?")[0]] = listener
    for call, listener, words in rows(PAGE, "## Endpoints"):
        for method, path in re.findall(r"`(GET) (/docs/\S+)`", words):
            listed[method, path] = listener
        if call.startswith("`GET` or `POST "):
            path = re.findall(r"`POST ([^`]+)`", call)[0]
            listed["GET", path] = listener
    listed.pop(("GET", "GET"), None)

    both = {endpoint.name for endpoint in ENDPOINTS if len(endpoint.listeners) == 2}
    assert listed == {
        (one.method, one.path): "both" if one.name in both else next(iter(one.listeners)) for one in ENDPOINTS
    }


def test_every_problem_is_listed():
    """The table has each kind of problem with its status."""
    listed = {row[0].strip("`"): int(row[1]) for row in rows(PAGE, "## Errors")}

    assert listed == {kind.value: sort.status for kind, sort in SORTS.items()}


def test_every_metric_is_listed():
    """The table of the server's metrics has exactly those that it has."""
    registry = CollectorRegistry()
    Figures(registry, ())
    Pulse(registry)
    metrics = {}
    for family in registry._collector_to_names:
        name = family._name + ("_total" if family._type == "counter" else "")
        metrics[name] = (family._type, set(family._labelnames))

    listed = {
        row[0].strip("`"): (row[1], set(re.findall(r"`(\w+)`", row[2]))) for row in rows(TELEMETRY, "### The server")
    }

    assert listed == metrics


def test_every_reason_of_a_rejection_is_listed():
    """The metric of rejected keys says what its reasons mean."""
    (meaning,) = [row[3] for row in rows(TELEMETRY, "### The server") if "rejected_keys" in row[0]]

    assert set(re.findall(r"`(\w+)`", meaning)) == set(Rejection)


def test_every_line_is_listed():
    """The table of the server's lines names each that is written."""
    written = set()
    for module in (app, diary, keeping, service):
        source = Path(module.__file__).read_text()
        written |= set(re.findall(r'"((?:http|daemon|store|library)\.[a-z_]+)"', source))

    assert {row[0].strip("`") for row in rows(TELEMETRY, "### Lines of the server")} == written


async def test_examples_run(rig: Rig):
    """Each `curl` of the page is answered as the page says."""
    examples = [
        command.replace("\\\n", " ")
        for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        for command in re.findall(r"curl .*?(?=\ncurl|\Z)", block, re.DOTALL)
    ]
    assert len(examples) == 5

    answers = []
    for command in examples:
        process = await asyncio.create_subprocess_shell(
            command,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "URL": rig.url, "KEY": rig.keys["shop"].key},
        )
        out, _ = await process.communicate()
        answers.append(json.loads(out))

    taken, found, several, lookup, decision = answers
    assert [one["id"] for one in found["messages"]] == [taken["id"]]
    assert [len(several), lookup["state"], decision["candidates"][0]["provider"]] == [2, "accepted", "a"]
