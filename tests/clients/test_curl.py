"""The `curl` lines of SMStele's document, run as they are printed, get the printed answers from the sandbox.

`smstele_curl.txt` holds them byte for byte, line breaks of the printed page included. Two of their ids lost a hyphen at
such a break, while the answers have it; the sandbox answers about the id that was sent.
"""

import json
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.sandbox import DeliveryPlan
from pointsman.testing import FakeClock
from pointsman_smstele.sandbox import Quirk, SmsteleSandbox

from .running import HERE, needed, output

FIXTURES = HERE.parent / "fixtures"
NAMES = ("err22", "err35", "err25", "err24", "send1", "send2", "status")
LINES = dict(zip(NAMES, (HERE / "smstele_curl.txt").read_text().strip().split("\n\n"), strict=True))
LOST_HYPHENS = {"err35": ("custom-message-", "custommessage-"), "send1": ("-message-id-", "-messageid-")}
"""What the answer prints, and what the line above it sends."""
NEEDED_FIRST = {"status": "send2"}
"""The status is asked of the messages that an earlier line sends."""
HOSTS = ("rexsmst.rax400.ru", "rexmsc.rex400.ru", "rexsmsc.rex400.ru")
SAMPLE_TIME = datetime(2018, 6, 4, 15, 41, 9, tzinfo=UTC).timestamp()

Curl = Callable[[str], Awaitable[str]]


def words(line: str) -> list[str]:
    """Split a line as a shell does, and mend what the edge of the page broke within an argument."""
    return [re.sub(r"\s*\n\s*", "", word) for word in shlex.split(line)]


def printed(name: str) -> str:
    """Return the printed answer about what the line sends."""
    text = (FIXTURES / f"smstele_{name}_literal.txt").read_text().rstrip()
    text = text.replace("18:41:10+03", "18:41:09+03")  # the sandbox's clock stands still between the two recipients
    return text.replace(*LOST_HYPHENS.get(name, ("", "")))


def meaning(text: str) -> Any:
    """Read a printed answer without the quote that stands alone on a line, and with the brace that is missing."""
    whole = re.sub(r'\n"\n+"', '\n"', text)
    return json.loads(whole + "}" * (whole.count("{") - whole.count("}")))


@pytest.fixture
async def smstele() -> AsyncIterator[SmsteleSandbox]:
    """SMStele at the time of the document's examples; messages arrive at once."""
    at_once = DeliveryPlan(seconds_to_sent=0, seconds_to_final=0)
    async with SmsteleSandbox(clock=FakeClock(SAMPLE_TIME), delivery=at_once) as box:
        yield box


@pytest.fixture
def curl(smstele: SmsteleSandbox, env: dict[str, str]) -> Curl:
    """Run a line; whatever host and port it names, the connection goes to the sandbox."""
    program = needed("curl", "curl")

    async def run(line: str) -> str:
        name, *arguments = words(line)
        assert name == "curl"
        ours = ["-q", "-sS", "--noproxy", "*", "--connect-to", f"::127.0.0.1:{smstele.port}"]
        ours += ["-w", "%{stderr}%{http_code} %{remote_ip} %{num_connects}"]
        status, answer, told = await output(program, *ours, *arguments, env=env)
        assert (status, told) == (0, "200 127.0.0.1 1")
        return answer

    return run


async def run(curl: Curl, name: str) -> str:
    """Run a line of the document after the one that it builds on."""
    if name in NEEDED_FIRST:
        await curl(LINES[NEEDED_FIRST[name]])
    return await curl(LINES[name])


@pytest.mark.trap("S02", "S06", "S07", "S31", "S33")
@pytest.mark.parametrize("name", NAMES)
async def test_document_mode_gives_the_printed_bytes(smstele: SmsteleSandbox, curl: Curl, name: str) -> None:
    """Four refusals, two successes and a status come back byte for byte, their damage included."""
    smstele.standing.add(Quirk.DOCUMENT)

    assert await run(curl, name) == printed(name)


@pytest.mark.trap("S02", "S06", "S07", "S31", "S33")
@pytest.mark.parametrize("name", NAMES)
async def test_wire_mode_gives_the_printed_values(curl: Curl, name: str) -> None:
    """The same lines get good JSON of the same meaning."""
    assert json.loads(await run(curl, name)) == meaning(printed(name))


async def test_what_curl_sends_arrives(smstele: SmsteleSandbox, curl: Curl) -> None:
    """Blanks, commas, colon and tilde, none of them encoded, are read as they were meant."""
    await curl(LINES["send2"])

    assert [(one.to, one.text, one.reference) for one in smstele.ledger.messages] == [
        ("79160001234", "Test message 1", "custom-message-id-test-22"),
        ("79260004567", "Test message 1", "custom-message-id-test-22"),
    ]


@pytest.mark.trap("S01")
@pytest.mark.parametrize("host", HOSTS)
async def test_the_three_spellings_of_the_host_are_answered_alike(curl: Curl, host: str) -> None:
    """The lines name two of the three hosts, the templates above them the third; each leads to the same answer."""
    line = LINES["send1"].replace("rexsmsc.rex400.ru", host)

    assert json.loads(await curl(line)) == meaning(printed("send1"))


def test_the_lines_name_no_other_host() -> None:
    """Nothing in the document's lines leads anywhere but to the provider's own names."""
    named = {match for line in LINES.values() for match in re.findall(r"https?://([^:/]+)", line)}

    assert named == {"rexmsc.rex400.ru", "rexsmsc.rex400.ru"}
