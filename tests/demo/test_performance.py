"""Short performances: parts of the script with the real router, and sandboxes that do what they must not."""

import io
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from pointsman.demo.cases import load_cases
from pointsman.demo.report import Report
from pointsman.demo.run import perform
from pointsman.demo.script import DEVINO, SMSTELE, Phase, Restart, Send, Settled, Stop
from pointsman.demo.show import show
from pointsman.demo.stage import Stage
from pointsman.errors import ConfigError
from pointsman.sandbox import error_after_accept

from .conftest import EXAMPLE, Perform

VICTIM = next(case for case in load_cases() if case.step == "session")
QUIET = (Phase("a quiet day"), Send("session"), Settled())


def problems(report: Report) -> dict[str, list[str]]:
    """Return the deviations of a report by what they are about."""
    found: dict[str, list[str]] = {}
    for deviation in report.deviations:
        found.setdefault(deviation.about, []).append(deviation.problem)
    return found


def test_a_quiet_day_has_no_deviations(play: Perform) -> None:
    """Without faults every message is delivered once, and the books agree."""
    report = play()
    assert problems(report) == {}
    assert report.ok


def test_a_lost_message_is_a_deviation(play: Perform) -> None:
    """If all sandboxes are told to lose one message the report is bad, and the message is named."""

    def lose(stage: Stage) -> None:
        for provider in (DEVINO, SMSTELE):
            stage.sandboxes[provider].outcomes[VICTIM.to] = "undelivered"

    report = play(prepare=lose)
    assert not report.ok
    assert "was to be delivered and is undelivered" in problems(report)[VICTIM.name]
    assert list(problems(report)) == [VICTIM.name]


def test_a_doubt_that_the_script_does_not_know_is_a_deviation(play: Perform) -> None:
    """A gateway error where none belongs leaves one message unknown; it is told of and listed among the unknowns."""

    def doubt(stage: Stage) -> None:
        stage.sandboxes[DEVINO].faults.add(error_after_accept("8", endpoint="Sms/Send"))

    report = play(prepare=doubt)
    assert list(problems(report).values()) == [["was to be delivered and is unknown"]]
    assert [(doubt.provider, doubt.code, doubt.taken) for doubt in report.unknowns] == [("devino", "8", True)]


def test_money_that_nobody_knows_of_is_a_deviation(play: Perform) -> None:
    """An account that holds something else than the router believes is told of."""
    report = play(prepare=lambda stage: stage.sandboxes[SMSTELE].account.top_up(Decimal(1)))
    assert list(problems(report)) == ["balance"]


def test_a_breaker_that_does_not_close_is_a_deviation(play: Perform) -> None:
    """A provider that stays down to the end is one whose breaker no probe has closed."""
    report = play((Stop(SMSTELE), Send("down"), Settled()))
    assert problems(report) == {"breaker": ["smstele: it was not closed by a probe in the end"]}


def test_a_provider_that_comes_back_is_probed(play: Perform) -> None:
    """Down, 5 failures, open, probed, closed; requests to a port where nobody listens never left."""
    report = play((Stop(SMSTELE), Send("down"), Restart(SMSTELE), Send("probe"), Send("recovered"), Settled()))
    assert problems(report) == {}
    assert [row.after for row in report.breakers] == ["open", "probing", "closed"]
    assert report.requests_made > report.requests_seen


def test_the_seed_decides(play: Perform) -> None:
    """Two performances with one seed have the same messages, calls to submit and money."""
    reports = [play(), play()]
    told = [
        (report.messages, report.spending, [row for row in report.calls if row.operation == "submit"])
        for report in reports
    ]
    assert told[0] == told[1]


def test_every_phase_has_its_line(play: Perform) -> None:
    """Where there is no terminal, each phase is announced by a line, and the end by another one."""
    text = io.StringIO()
    play(QUIET, console=Console(file=text, width=120))
    lines = text.getvalue().splitlines()
    assert [line.rpartition("calls  ")[2] for line in lines] == ["a quiet day", "the end"]
    assert re.search(r"12 of 12 final +\d+ calls", lines[-1])


def test_a_terminal_is_drawn_upon(play: Perform) -> None:
    """On a terminal a live table shows the phase and all providers."""
    text = io.StringIO()
    play(QUIET, console=Console(file=text, force_terminal=True, width=120, height=40))
    for word in ("a quiet day", "devino", "smstele", "affiliate_hlr", "closed"):
        assert word in text.getvalue()


def test_the_report_is_printed_for_people(play: Perform) -> None:
    """The printed report has all parts, and its last line is the verdict."""
    text = io.StringIO()
    show(play(), Console(file=text, width=120))
    printed = text.getvalue()
    for title in (
        "Messages by final state",
        "Calls and outcomes",
        "Failovers by code",
        "Money: ",
        "Balances",
        "Unknown outcomes and how each was settled",
        "Duplicates: 0 where the rules forbid them",
        "calls.jsonl",
        "metrics.prom",
    ):
        assert title in printed
    assert printed.splitlines()[-1].startswith("All 12 messages ended as the script implies")


def test_deviations_are_printed(play: Perform) -> None:
    """A bad report names what deviates and ends with how much did."""
    text = io.StringIO()
    report = play(prepare=lambda stage: stage.sandboxes[SMSTELE].account.top_up(Decimal(1)))
    show(report, Console(file=text, width=120))
    last = text.getvalue().splitlines()[-2:]
    assert last[0].startswith("deviation balance: smstele has 25001.00 on the account")
    assert last[1].startswith("1 deviation from the script")


def test_a_report_survives_json(play: Perform) -> None:
    """The report as JSON is the report."""
    report = play()
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    """A configuration without one of the demo's providers is refused, naming file and key."""
    config = tmp_path / "router.toml"
    config.write_text(re.sub("smstele", "another", EXAMPLE.read_text()).replace('"another"\nbase', '"smstele"\nbase'))
    with pytest.raises(ConfigError) as caught:
        perform(config, tmp_path / "out", 7)
    assert [(problem.file, problem.key) for problem in caught.value.problems] == [(str(config), "providers.smstele")]
