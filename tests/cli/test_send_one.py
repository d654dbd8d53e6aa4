"""`send` with one message: the receipt, as a table and as JSON, and how the command ends."""

from pathlib import Path

import pytest

from pointsman.sandbox import error, hang_before_accept

from .conftest import Boxes, Runner, write_config

TO = "+79161234567"


def test_receipt(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """One message is sent once, and the table tells state, provider, outcome and price."""
    run = pointsman("send", "--to", TO, "--text", "Your code is 4711", "--class", "otp")

    assert (run.code, run.err) == (0, "")
    assert [(m.to, m.text, m.sender) for m in boxes.messages] == [("79161234567", "Your code is 4711", "SHOP")]
    words = run.out.split()
    assert {"state", "sent", "smstele", "accepted", "3.20", "RUB", "GSM7"} <= set(words)


def test_json(pointsman: Runner, config: Path) -> None:
    """The receipt is one JSON document."""
    run = pointsman("send", "--to", TO, "--text", "-1 is a text too", "--json", "--sender", "SHOP", "--ttl", "5m")

    [receipt] = run.json
    assert (run.code, receipt["state"], receipt["to"]) == (0, "sent", "79161234567")
    assert [(one["provider"], one["outcome"]["type"]) for one in receipt["attempts"]] == [("smstele", "accepted")]


def test_wait(pointsman: Runner, config: Path) -> None:
    """With --wait the receipt is that of the last report."""
    run = pointsman("send", "--to", TO, "--text", "x", "--wait", "--json")

    assert (run.code, run.json[0]["state"]) == (0, "delivered")
    assert "smstele took it; waiting for its report" in run.err


def test_failover_is_shown(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """Every attempt has its line, with the code that the provider gave."""
    boxes.script("smstele", error("-43", endpoint="sendsms"))

    run = pointsman("send", "--to", TO, "--text", "x", "--json")

    attempts = [
        (one["provider"], one["outcome"]["type"], one["outcome"].get("code")) for one in run.json[0]["attempts"]
    ]
    assert (run.code, attempts) == (0, [("smstele", "refused", "-43"), ("devino", "accepted", None)])


def test_nobody_took_it(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """Under the receipt of a message that nobody took stands who was not even asked, and why."""
    boxes.script("smstele", error("-43", endpoint="sendsms", times=None))
    write_config(config, boxes.base_urls, ('floor = "50.00"', 'floor = "50000.00"'))

    run = pointsman("send", "--to", TO, "--text", "x")

    [left_out] = [line for line in run.out.splitlines() if line.startswith("devino")]
    assert (run.code, "has not enough money" in left_out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--text", "x" * 5_000), "text: is too long for devino (5000 characters, at most "),
        (("--text", "x", "--sender", "OTHER"), "sender: 'OTHER' is not in `senders` of smstele and devino: add it"),
        (("--text", "x", "--channel", "viber"), "channel: no route of the configuration is for this viber message"),
    ],
)
def test_nobody_could_take_it(
    pointsman: Runner, boxes: Boxes, folder: Path, config: Path, arguments: tuple[str, ...], words: str
) -> None:
    """What no provider could ever take is refused before anything is sent, alone and in a file."""
    write_config(config, boxes.base_urls, ('providers = ["devino", "smstele"]', 'providers = ["smstele", "devino"]'))
    if "x" not in arguments:
        write_config(config, boxes.base_urls, ('providers = ["devino", "smstele"]', 'providers = ["devino"]'))
    names, values = [name[2:] for name in arguments[::2]], arguments[1::2]
    (folder / "rows.csv").write_text(f"to,{','.join(names)}\n{TO},{','.join(values)}\n", encoding="utf-8")

    runs = [pointsman("send", "--to", TO, *arguments), pointsman("send", "--csv", "rows.csv")]

    assert ([(run.code, run.out) for run in runs], boxes.messages) == ([(2, ""), (2, "")], [])
    assert [words in run.err for run in runs] == [True, True]


def test_unknown(pointsman: Runner, boxes: Boxes, folder: Path, config: Path) -> None:
    """A message of which nobody knows whether it was sent ends with code 1 and says that it may have been."""
    write_config(
        config,
        boxes.base_urls,
        ('read_timeout = "3s"', 'read_timeout = "200ms"'),
        ('providers = ["devino", "smstele"]', 'providers = ["devino"]'),
    )
    boxes.script("devino", hang_before_accept(endpoint="Sms/*"))

    run = pointsman("send", "--to", TO, "--text", "x")

    assert (run.code, "it may have been sent; nobody can say" in run.out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "12", "--text", "x"), "to: has 2 digits"),
        (("--to", "+7 916 CALL", "--text", "x"), "to: contains something other than digits"),
        (("--to", TO, "--text", "   "), "text: is empty"),
        (("--to", TO, "--text", "я" * 20_000), "an SMS has at most 255"),
        (("--to", TO, "--text", "x", "--sender", "A-VERY-LONG-NAME"), "sender: has 16 characters"),
        (("--to", TO, "--text", "x", "--sender", "МАГАЗИН"), "sender: contains 'М'"),
    ],
)
def test_bad_message(pointsman: Runner, boxes: Boxes, config: Path, arguments: tuple[str, ...], words: str) -> None:
    """A message that nobody could send is refused with its field and the reason, and nothing leaves."""
    run = pointsman("send", *arguments)

    assert (run.code, run.out, boxes.messages) == (2, "", [])
    assert words in run.err


def test_log(pointsman: Runner, folder: Path, config: Path) -> None:
    """--log appends a line for each call, without the number and the credentials."""
    for _ in range(2):
        pointsman("send", "--to", TO, "--text", "x", "--log", "calls.log")

    text = (folder / "calls.log").read_text(encoding="utf-8")
    assert text.count('"operation":"submit"') == 2
    assert not [secret for secret in ("9161234567", "demo-password", "~test123") if secret in text]


def test_log_that_cannot_be_written(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """Nothing is sent when the log cannot be opened."""
    run = pointsman("send", "--to", TO, "--text", "x", "--log", "no/such/folder.log")

    assert (run.code, boxes.messages) == (2, [])
    assert "--log: no/such/folder.log cannot be written: there is no folder no/such" in run.err


def test_secrets_are_hidden(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """A password that a provider repeats in its words is shown nowhere."""
    echo = "login demo-login with demo-password is wrong"
    boxes.script("devino", error("6", echo, endpoint="Sms/*", times=None))
    boxes.script("smstele", error("-43", endpoint="sendsms", times=None))

    runs = [pointsman("send", "--to", TO, "--text", "x", *more) for more in ((), ("--json",))]

    assert [run for run in runs if "demo-password" in run.out + run.err] == []
    assert all("***" in run.out for run in runs)


def test_terminal_commands_are_disarmed(pointsman: Runner, boxes: Boxes, config: Path) -> None:
    """What would command a terminal is written as an escape."""
    boxes.script("smstele", error("-43", endpoint="sendsms", times=None))
    boxes.script("devino", error("6", "\x1b[2Jgone", endpoint="Sms/*", times=None))

    run = pointsman("send", "--to", TO, "--text", "x")

    assert ("\x1b" in run.out, r"\x1b[2Jgone" in run.out) == (False, True)
