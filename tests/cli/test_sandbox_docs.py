"""docs/sandbox.md tells of every control, every fault and every endpoint, and its lines of curl work."""

import re
import shlex
import urllib.request
from itertools import pairwise

import msgspec
import pytest

from pointsman.cli.sandboxes import PORTS
from pointsman.sandbox import Action, Fate, FaultRule
from pointsman.sandbox.control import CONTROLS, PREFIX

from .conftest import ROOT, Boxes

TEXT = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
CURLS = re.findall(r"^curl -s (.*)$", TEXT, re.MULTILINE)


def table(heading: str) -> list[str]:
    """Return the first cells of the table with this heading."""
    rows = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


def test_tables_are_complete() -> None:
    """Controls, actions and fields of a rule are those of the code, no more and no fewer."""
    assert set(table("call")) == {f"{method} {PREFIX}{path}" for method, path in CONTROLS}
    assert table("action") == [action.value for action in Action]
    assert set(table("field")) == set(FaultRule.__struct_fields__)
    assert [fate for fate in Fate if f"`{fate.value}`" not in TEXT] == []


def test_each_sandbox_is_described(boxes: Boxes) -> None:
    """Endpoints, quirks and ports of every sandbox stand there."""
    for name, box in boxes.by_name.items():
        [row] = re.findall(rf"^\| {name} \| `\w+/?\w+`,.*$", TEXT, re.MULTILINE)
        words = {*(endpoint.name for endpoint in box.endpoints()), *map(str, box.quirks)}
        assert [word for word in words if f"`{word}`" not in row] == []
        assert f"`http://127.0.0.1:{PORTS[name]}{PREFIX}`" in TEXT


@pytest.mark.parametrize("line", CURLS)
def test_curl(boxes: Boxes, line: str) -> None:
    """Each line is answered with status 200 and JSON."""
    words = shlex.split(line)
    options = dict(pairwise(words))
    [url] = [word for word in words if word.startswith("http")]
    for name, port in PORTS.items():
        url = url.replace(f"http://127.0.0.1:{port}", boxes[name].origin)
    data = options["-d"].encode() if "-d" in options else None
    request = urllib.request.Request(url, data=data, method=options.get("-X", "GET"))

    with urllib.request.urlopen(request) as answer:
        found = msgspec.json.decode(answer.read())

    assert (answer.status, isinstance(found, dict | list)) == (200, True)
