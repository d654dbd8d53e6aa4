"""Usage: help, exit codes, where the configuration is looked for, and that nobody is ever shown a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.cli.app import COMMANDS

from .conftest import Runner

SEND = ("send", "--to", "+79161234567", "--text", "x")


def test_help_names_every_command(pointsman: Runner) -> None:
    """The overview lists all commands, in the order in which they are declared."""
    run = pointsman("--help")

    places = [run.out.index(f" {name} ") for name in COMMANDS]
    assert (0, sorted(places)) == (run.code, places)


def test_help_imports_no_command() -> None:
    """The overview is shown without importing what only the commands need."""
    code = (
        "import sys; from pointsman.cli import main; main(['--help']);"
        "print([name for name in sys.modules if name.startswith(('pointsman.cli.', 'pointsman.sandbox', 'structlog'))])"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.splitlines()[-1] == "['pointsman.cli.app', 'pointsman.cli.exits']"


def test_version(pointsman: Runner) -> None:
    """The version is that of the distribution."""
    run = pointsman("--version")

    assert (run.code, run.out) == (0, "pointsman 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sned",), 'Unknown command "sned". Did you mean "send"?'),
        (("send", "--too", "x"), "--too"),
        (("send",), "give --to and --text for one message, or --csv for many"),
        (("send", "--to", "+79161234567"), "give --to and --text"),
        (("send", "--csv", "x.csv", "--to", "+79161234567"), "leave out --to and --text"),
        ((*SEND, "--skip-bad"), "go with --csv"),
        ((*SEND, "--class", "opt"), 'Did you mean "otp"?'),
        ((*SEND, "--channel", "fax"), 'Invalid value "fax" for --channel. Choose from: "sms", "viber".'),
        ((*SEND, "--ttl", "5"), "ttl: '5' is no duration; write one such as 30s, 5m, 1h30m or 1d"),
        (("check", "extra"), "extra: there is no place for this"),
        (("lookup",), "give numbers, or --file for many"),
        (("lookup", "+79161234567", "--file", "x"), "leave the others out"),
        (("lookup", "+79161234567", "--results", "x"), "go with --file"),
        (("explain", "--to", "+79161234567"), "give --text"),
        (("bench", "nothing"), "there is no measurement 'nothing'; there are "),
        (("bench", "--seconds", "0"), "--seconds is more than 0"),
        (("sandbox", "--ports", "nobody=1"), "there is no sandbox 'nobody'; there are affiliate_hlr, devino, smstele"),
        (("sandbox", "--ports", "devino=70000"), "'devino=70000' names no port"),
    ],
)
def test_wrong_usage(pointsman: Runner, arguments: tuple[str, ...], words: str) -> None:
    """Wrong usage ends with code 2, says what to do on standard error, and writes nothing to standard output."""
    run = pointsman(*arguments)

    assert (run.code, run.out) == (2, "")
    assert words in run.err


def test_no_configuration(pointsman: Runner) -> None:
    """Without a configuration a command says where it looked."""
    run = pointsman(*SEND)

    words = "there is no configuration: give --config FILE, set POINTSMAN_CONFIG, or put a router.toml into this folder"
    assert (2, f"pointsman: {words}\n") == (run.code, run.err)


def test_missing_configuration(pointsman: Runner) -> None:
    """A configuration that is named but missing is named in the error."""
    run = pointsman("check", "-c", "elsewhere.toml")

    assert (run.code, run.err.startswith("elsewhere.toml: cannot be read: No such file or directory")) == (2, True)


def test_order_of_the_search(pointsman: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option comes before the environment, and the environment before the working folder."""
    seen = []
    for name in ("router.toml", "environment.toml", "option.toml"):
        (folder / name).write_text("[", encoding="utf-8")
    seen.append(pointsman("check").err.split(":")[0])
    monkeypatch.setenv("POINTSMAN_CONFIG", "environment.toml")
    seen.append(pointsman("check").err.split(":")[0])
    seen.append(pointsman("check", "--config", "option.toml").err.split(":")[0])

    assert seen == ["router.toml", "environment.toml", "option.toml"]


def test_internal_error(pointsman: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is one line that names its kind and place, and not its text, in which anything may stand."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr("pointsman.cli.plugins.load_plugins", broken)

    run = pointsman("plugins")

    assert (run.code, len(run.err.splitlines())) == (1, 1)
    assert run.err.startswith("pointsman: internal error: ZeroDivisionError at test_usage.py:")
    assert "hunter2" not in run.err


def test_interrupted(pointsman: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with code 130 and one word."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pointsman.cli.plugins.load_plugins", interrupted)

    run = pointsman("plugins")

    assert (run.code, run.err) == (130, "pointsman: interrupted\n")
