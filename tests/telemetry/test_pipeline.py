"""The logger: its format, its levels, what it hides, and that it is its owner's alone."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from pointsman.secret import Secret
from pointsman.telemetry import LogFormat, LogLevel, build_logger
from pointsman.telemetry.pipeline import timestamp

CANARY = "hunter2-canary"


class Frozen:
    """A clock that stands still."""

    def now(self) -> float:
        """Half a second after the epoch."""
        return 0.5

    def monotonic(self) -> float:
        """Nothing passes."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait for nothing."""


def fail(text: str) -> None:
    """Raise an error with a text."""
    raise ValueError(text)


def test_machines_get_json(sink):
    """Without a terminal each line is a JSON object that begins with time, level and event."""
    build_logger(sink, clock=Frozen()).info("router.started", providers=3)

    assert sink.lines == [
        b'{"timestamp":"1970-01-01T00:00:00.500Z","level":"info","event":"router.started","providers":3}'
    ]


def test_people_get_words(sink, terminal):
    """On a terminal, or where it is asked for, a line is for reading; colours only on a terminal."""
    build_logger(terminal).info("router.started", providers=3)
    build_logger(sink, format=LogFormat.CONSOLE).info("router.started", providers=3)

    assert b"\x1b[" in terminal.lines[0]
    assert b"\x1b[" not in sink.lines[0]
    assert b"router.started" in sink.lines[0]
    assert b"providers=3" in sink.lines[0]


def test_json_can_be_wanted_on_a_terminal(terminal):
    """The option wins over the guess."""
    build_logger(terminal, format=LogFormat.JSON).info("router.started")

    assert terminal.decoded()[0]["event"] == "router.started"


def test_names_that_sound_secret_hide_their_values(sink):
    """At any depth, and in any spelling of the name."""
    build_logger(sink).info(
        "x",
        password=CANARY,
        API_KEY=CANARY,
        nested={"Authorization": CANARY, "list": [{"session_id": CANARY}], "batch_key": "kept"},
    )

    line = sink.decoded()[0]
    assert CANARY.encode() not in sink.lines[0]
    assert line["nested"] == {"Authorization": "***", "list": [{"session_id": "***"}], "batch_key": "kept"}


def test_secrets_are_hidden_wherever_they_stand(sink):
    """A provider repeats the password, plain or as it travelled; a library puts it into an exception."""
    logger = build_logger(sink, secrets=[Secret("p@ss word"), Secret("p@ss word and more"), Secret("ab")])

    logger.info("tab", detail="no such user: p@ss word and more; GET /?k=p%40ss%20word", parts=["k=p%40ss+word"])
    try:
        fail("p@ss word")
    except ValueError:
        logger.exception("failed")

    first, second = sink.decoded()
    assert (first["event"], first["detail"]) == ("tab", "no such user: ***; GET /?k=***")
    assert first["parts"] == ["k=***"]
    assert second["exception"][0]["exc_value"] == "***"


def test_a_secret_value_hides_itself(sink):
    """Also under a harmless name and inside of other values."""
    build_logger(sink).info("x", value=Secret(CANARY), several=[Secret(CANARY)], other=(object, {1: Secret(CANARY)}))

    assert CANARY.encode() not in sink.lines[0]
    assert sink.decoded()[0]["value"] == "***"


def test_tracebacks_show_no_variables(sink, terminal):
    """In both formats the lines of the code are shown, but not what the variables held."""
    for logger in (build_logger(sink), build_logger(terminal)):
        variable = CANARY[:-1]
        try:
            fail(str(len(variable)))
        except ValueError:
            logger.exception("failed")

    assert b"ValueError" in sink.lines[0]
    assert b"ValueError" in terminal.lines[0]
    assert CANARY[:-1].encode() not in sink.lines[0] + terminal.lines[0]


def test_strange_values_are_still_written(sink):
    """Endless nesting, enormous integers and unknown types cost a line its beauty, not its existence."""
    loop: dict[str, object] = {}
    loop["again"] = loop

    build_logger(sink).info("x", loop=loop, number=1 << 80, thing={1, 2}, kind=Exception("odd"))

    line = sink.decoded()[0]
    assert line["number"] == 1 << 80
    assert (line["thing"], line["kind"]) == ([1, 2], "odd")


def test_the_global_configuration_is_left_alone(sink):
    """An embedder's own structlog set-up is neither read nor changed."""
    before = structlog.get_config()

    build_logger(sink, level=LogLevel.WARNING).info("not written")

    assert sink.lines == []
    assert structlog.get_config() == before
    assert not structlog.is_configured()


def test_two_loggers_do_not_meet(sink, terminal):
    """Each writes to its own sink, at its own level."""
    build_logger(sink, level=LogLevel.DEBUG).debug("one")
    build_logger(terminal, level=LogLevel.ERROR).debug("two")

    assert (len(sink.lines), len(terminal.lines)) == (1, 0)


@given(st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000))
def test_timestamps_are_those_of_the_calendar(micros: int):
    """A timestamp is what the calendar says, cut to milliseconds, before and after 1970."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    seconds = moment.timestamp()
    exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(seconds * 1_000_000))

    assert timestamp(seconds) == exact.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_nonsense_is_shown_as_it_is(nonsense: float):
    """What is no moment does not keep a line from being written."""
    assert timestamp(nonsense) == str(nonsense)
