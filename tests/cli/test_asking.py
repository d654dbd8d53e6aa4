"""`inbox`, `statistics`, `prices` and `status`: what a provider is asked, what is shown, and what ends how."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman.events import Operation
from pointsman.loading import load_plugins
from pointsman.message import Channel, Money
from pointsman.outcome import Fault
from pointsman.plugin import PriceQuote
from pointsman.sandbox import DeliveryPlan
from pointsman.testing import SCRIPTED, ScriptedSandbox, refuse

from .conftest import PATIENCE, Runner

CONFIG = """
[router]
currency = "EUR"
[providers.acme]
plugin = "scripted"
base_url = "{url}"
reads_inbox = true
tells_statistics = true
tells_prices = true
tells_reports = true
by_reference = true
prices = [
  {{ country = "RU", channel = "sms", price = "0.02" }},
  {{ mccmnc = "25002", channel = "sms", price = "0.05" }},
]
[providers.dumb]
plugin = "scripted"
base_url = "{url}"
"""


class Acme:
    """A scripted provider on a loop of its own thread, so that a command can run a loop in this one."""

    def __init__(self) -> None:
        self.box = ScriptedSandbox(delivery=DeliveryPlan(seconds_to_sent=0.0, seconds_to_final=0.0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.do(self.box.start())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something where the sandbox lives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def close(self) -> None:
        """Stop it and its thread."""
        self.do(self.box.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


@pytest.fixture
def acme(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedSandbox]:
    """A provider that can be asked everything, and the configuration for it in the working folder."""
    running = Acme()
    (folder / "router.toml").write_text(CONFIG.format(url=running.box.base_url), encoding="utf-8")
    monkeypatch.setattr("pointsman.cli.opening.load_plugins", lambda: load_plugins([SCRIPTED]))
    yield running.box
    running.close()


# -- inbox -------------------------------------------------------------------------------------------------------------


def test_inbox(pointsman: Runner, acme: ScriptedSandbox) -> None:
    """Messages of the last day are shown with their numbers in full, as a table or as a line of JSON each."""
    acme.receive("STOP", sender="79160000001")
    acme.receive("yes\nplease", sender="SHOP2")

    table, lines = pointsman("inbox", "acme"), pointsman("inbox", "acme", "--json")

    assert (table.code, lines.code) == (0, 0)
    assert all(words in table.out for words in ("79160000001", "STOP", "in1", "SHOP2", "yes\\nplease"))
    assert [(line["sender"], line["text"]) for line in lines.json] == [
        ("79160000001", "STOP"),
        ("SHOP2", "yes\nplease"),
    ]


def test_a_span_of_the_inbox(pointsman: Runner, acme: ScriptedSandbox) -> None:
    """Only what lies in the span is shown; nothing to show is no failure."""
    acme.receive("now")

    run = pointsman("inbox", "acme", "--since", "2020-01-01", "--until", "2020-01-02T00:00+03:00")

    assert (run.code, run.out) == (0, "")
    assert acme.ledger.calls[Operation.INBOX] == 1


def test_a_repeated_run_shows_only_what_is_new(pointsman: Runner, acme: ScriptedSandbox, folder: Path) -> None:
    """With --cursor each message is shown by one run, and the file is nobody else's business."""
    acme.receive("one")
    runs = [pointsman("inbox", "acme", "--cursor", "seen.json", "--json")]
    acme.receive("two")
    runs += [pointsman("inbox", "acme", "--cursor", "seen.json", "--json") for _ in range(2)]

    assert [run.code for run in runs] == [0, 0, 0]
    assert [[line["text"] for line in run.json] for run in runs] == [["one"], ["two"], []]
    assert [path.name for path in folder.iterdir() if path.name != "router.toml"] == ["seen.json"]


def test_what_was_not_written_is_shown_again(
    pointsman: Runner, acme: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When standard output takes nothing, the messages do not count as shown."""
    acme.receive("one")

    def full(_: str) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sys.stdout, "write", full)
        patch.setattr("pointsman.cli.output.forget_standard_output", lambda: None)
        failed = pointsman("inbox", "acme", "--cursor", "seen.json")
    again = pointsman("inbox", "acme", "--cursor", "seen.json")

    assert failed.code == 1
    assert "cannot write the results: No space left on device" in failed.err
    assert "one" in again.out


def test_a_refused_look_loses_nothing(pointsman: Runner, acme: ScriptedSandbox, folder: Path) -> None:
    """After a refusal the file is as it was, and the next run shows what came."""
    acme.receive("one")
    acme.script(refuse(Fault.CREDENTIALS, on=Operation.INBOX))

    runs = [pointsman("inbox", "acme", "--cursor", "seen.json") for _ in range(2)]

    assert [run.code for run in runs] == [1, 0]
    assert "pointsman: acme did not answer: credentials" in runs[0].err
    assert "one" in runs[1].out


def test_a_cursor_that_cannot_be_used_is_refused(pointsman: Runner, acme: ScriptedSandbox, folder: Path) -> None:
    """A file of something else, of another provider, or beside a --since is refused, and stays as it is."""
    pointsman("inbox", "acme", "--cursor", "seen.json")
    other = folder / "other.json"
    other.write_text('{"precious": true}', encoding="utf-8")
    later = (folder / "seen.json").read_text(encoding="utf-8").replace('"version":1', '"version":2')
    (folder / "later.json").write_text(later, encoding="utf-8")
    (folder / "torn.json").write_bytes(b'\xff{"provider"')
    kept = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    for name, change in (
        ("endless.json", {"overlap": "P999999D"}),
        ("negative.json", {"overlap": "-PT9S"}),
        ("zoneless.json", {"since": "2026-01-01T00:00:00"}),
    ):
        (folder / name).write_text(json.dumps({**kept, "cursor": {**kept["cursor"], **change}}), encoding="utf-8")

    for arguments, words in (
        (("inbox", "acme", "--cursor", "other.json"), "other.json is not a file of this command"),
        (("inbox", "acme", "--cursor", "torn.json"), "torn.json is not a file of this command"),
        (("inbox", "acme", "--cursor", "later.json"), "later.json is not a file of this command"),
        (("inbox", "acme", "--cursor", "endless.json"), "endless.json is not a file of this command"),
        (("inbox", "acme", "--cursor", "negative.json"), "negative.json is not a file of this command"),
        (("inbox", "acme", "--cursor", "zoneless.json"), "zoneless.json is not a file of this command"),
        (("inbox", "dumb", "--cursor", "seen.json"), "seen.json is about acme"),
        (("inbox", "acme", "--cursor", "seen.json", "--since", "1h"), "says already where to go on"),
        (("inbox", "acme", "--cursor", "no/where.json"), "there is no folder no"),
        (("inbox", "acme", "--cursor", "."), "cannot be read: Is a directory"),
    ):
        run = pointsman(*arguments)
        assert (run.code, run.out) == (2, "")
        assert words in run.err
    assert other.read_text(encoding="utf-8") == '{"precious": true}'


def test_a_cursor_that_cannot_be_written_is_told(pointsman: Runner, acme: ScriptedSandbox, folder: Path) -> None:
    """Messages are shown, the command fails, and says that they will be shown again."""
    acme.receive("one")
    (folder / "seen.json.new").mkdir()

    run = pointsman("inbox", "acme", "--cursor", "seen.json")

    assert run.code == 1
    assert "one" in run.out
    assert "seen.json: cannot be written: Is a directory; what was just shown will be shown again" in run.err


def test_a_cursor_behind_a_link_is_written_there(pointsman: Runner, acme: ScriptedSandbox, folder: Path) -> None:
    """A cursor file may be a link: what it leads to is replaced, and not the link."""
    (folder / "kept").mkdir()
    (folder / "seen.json").symlink_to("kept/seen.json")

    runs = [pointsman("inbox", "acme", "--cursor", "seen.json") for _ in range(2)]

    assert [run.code for run in runs] == [0, 0]
    assert (folder / "seen.json").is_symlink()
    assert [path.name for path in (folder / "kept").iterdir()] == ["seen.json"]


FOLLOW = """
import sys
from pointsman.loading import load_plugins
from pointsman.testing import SCRIPTED
import pointsman.cli.opening as opening
opening.load_plugins = lambda: load_plugins([SCRIPTED])
from pointsman.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_follow(acme: ScriptedSandbox, folder: Path) -> None:
    """With --follow messages are shown as they come, a refusal is said and survived, and Ctrl-C ends it well."""
    acme.script(refuse(Fault.UNAVAILABLE, on=Operation.INBOX))
    acme.receive("one")
    command = [sys.executable, "-c", FOLLOW, "inbox", "acme", "--follow", "--every", "20ms", "--json", "--cursor", "c"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert '"one"' in process.stdout.readline()
        acme.receive("two")
        assert '"two"' in process.stdout.readline()
        wait_until(lambda: acme.ledger.calls[Operation.INBOX] > 5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()

    assert (process.returncode, out) == (0, "")
    assert err == "pointsman: acme did not answer: unavailable\n"
    assert sorted(path.name for path in folder.iterdir()) == ["c", "router.toml"]


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


# -- statistics --------------------------------------------------------------------------------------------------------


def test_statistics(pointsman: Runner, acme: ScriptedSandbox) -> None:
    """A span of 92 days is shown as its two windows and together; with --json it is one document."""
    pointsman("send", "--to", "+79161234567", "--text", "hello")
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    table = pointsman("statistics", "acme", "--since", "91d", "--until", until)
    (document,) = pointsman("statistics", "acme", "--since", "91d", "--until", until, "--json").json

    assert table.code == 0
    lines = [line.split() for line in table.out.splitlines()]
    assert lines[0][:4] == ["from", "until", "sent", "delivered"]
    assert [line[0] for line in lines[3:]] == ["together"]
    assert lines[3][1:3] == ["1", "1"]
    assert [one["figures"]["sent"] for one in document["windows"]] == [0, 1]
    assert document["sums"]["sent"] == 1


# -- prices ------------------------------------------------------------------------------------------------------------


def quote(amount: str, **place: str) -> PriceQuote:
    """Return a line of the provider's list."""
    return PriceQuote(channel=Channel.SMS, price=Money(Decimal(amount), "EUR"), **place)


def test_prices(pointsman: Runner, acme: ScriptedSandbox) -> None:
    """Each line stands beside ours with the difference; a drift is said, and fails only with --check."""
    acme.prices = (quote("0.02", country="RU", name="Russia"), quote("0.05", country="KZ"))

    shown, checked = pointsman("prices", "acme"), pointsman("prices", "acme", "--check", "--json")

    assert (shown.code, checked.code) == (0, 1)
    lines = [" ".join(line.split()) for line in shown.out.splitlines()[1:]]
    assert lines == [
        "sms RU Russia 0.02 EUR 0.02 EUR 0 % same",
        "sms RU Russia → 25002 MegaFon 0.02 EUR 0.05 EUR -60.0 % drift",
        "sms KZ 0.05 EUR not listed unlisted",
    ]
    assert "our price differs in 1 of 3 lines" in shown.err
    assert [line["standing"] for line in checked.json] == ["same", "drift", "unlisted"]


def test_prices_that_agree_pass_the_check(pointsman: Runner, acme: ScriptedSandbox) -> None:
    """With --check a list without a drift is good, and so is one that we do not use all of."""
    acme.prices = (quote("0.02", mccmnc="25001"), quote("0.05", country="KZ"))

    run = pointsman("prices", "acme", "--check")

    assert (run.code, run.err) == (0, "")


# -- status ------------------------------------------------------------------------------------------------------------


def test_status(pointsman: Runner, acme: ScriptedSandbox) -> None:
    """A message is asked about by the provider's id or by our reference; what is not known is said."""
    [receipt] = pointsman("send", "--to", "+79161234567", "--text", "hello", "--json").json
    reference = receipt["attempts"][0]["ref"]

    by_id = pointsman("status", "acme", "--id", "m1", "--to", "+79161234567")
    [by_reference] = pointsman("status", "acme", "--reference", reference, "--to", "+79161234567", "--json").json
    nothing = pointsman("status", "acme", "--id", "m2", "--id", "m3", "--to", "+79161234567")

    assert by_id.code == 0
    assert [line.split()[1] for line in by_id.out.splitlines()[:3]] == ["m1", "delivered", "yes"]
    assert (by_reference["provider_id"], by_reference["state"]) == ("m1", "delivered")
    assert (nothing.code, nothing.out, nothing.err) == (1, "", "acme says nothing about this message\n")


# -- all ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inbox", "acme", "--until", "1h", "--follow"), "--until goes neither with --follow nor with --cursor"),
        (("inbox", "acme", "--since", "yesterday"), "--since: 'yesterday' is no moment; write a date"),
        (("inbox", "acme", "--since", "2026-11-01T12:00"), "does not say its time zone"),
        (("inbox", "acme", "--since", "1h", "--until", "2h"), "since: is not before until"),
        (("inbox", "acme", "--since", "9999-01-01"), "--since: '9999-01-01' has not come yet; give an earlier moment"),
        (("statistics", "acme", "--since", "9999-01-01"), "--since: '9999-01-01' has not come yet"),
        (("inbox", "acme", "--follow", "--every", "0s"), "--every: expected a duration longer than zero"),
        (("inbox", "dumb"), "dumb cannot be asked this (inbox); its plugin does not offer it"),
        (("statistics", "dumb", "--since", "1d"), "dumb cannot be asked this (statistics)"),
        (("prices", "dumb"), "dumb cannot be asked this (prices)"),
        (("prices", "nobody"), "there is no provider 'nobody'; there are acme, dumb"),
        (("status", "acme", "--to", "+79161234567"), "ids: give the provider's ids"),
        (("status", "acme", "--id", "", "--to", "+79161234567"), "ids: one of them is empty"),
        (("status", "acme", "--id", "m1", "--reference", "r", "--to", "+79161234567"), "reference of it, and not both"),
        (("status", "acme", "--id", "m1"), "to: we have no record of this message; give the number"),
        (("status", "acme", "--id", "m1", "--to", "12"), "to: has 2 digits"),
        (("status", "dumb", "--id", "m1", "--to", "+79161234567"), "dumb cannot be asked this (poll)"),
    ],
)
def test_wrong_questions(pointsman: Runner, acme: ScriptedSandbox, arguments: tuple[str, ...], words: str) -> None:
    """What cannot be asked ends with code 2 before anything is asked, and says why."""
    run = pointsman(*arguments)

    assert (run.code, run.out) == (2, "")
    assert words in run.err
    assert acme.seen == ()


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (Operation.INBOX, ("inbox", "acme")),
        (Operation.STATISTICS, ("statistics", "acme", "--since", "1d")),
        (Operation.PRICES, ("prices", "acme")),
        (Operation.POLL, ("status", "acme", "--id", "m1", "--to", "+79161234567")),
    ],
)
def test_refusals(pointsman: Runner, acme: ScriptedSandbox, operation: Operation, arguments: tuple[str, ...]) -> None:
    """What the provider refuses ends with code 1, with the fault in our words."""
    acme.script(refuse(Fault.FORBIDDEN, on=operation))

    run = pointsman(*arguments)

    assert (run.code, run.out) == (1, "")
    assert "pointsman: acme did not answer: forbidden" in run.err
