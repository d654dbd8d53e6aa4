"""The log of the server: what libraries and the engine say comes in as lines, and gives nothing away."""

import asyncio
import logging

import pytest

from pointsman.clock import SystemClock
from pointsman.daemon.diary import Diary, LibraryLines
from pointsman.secret import Secret
from pointsman.telemetry import LogFormat

from .rig import CANARY, Lines, Rig


@pytest.fixture
def lines():
    """The lines of a diary that listens to libraries."""
    kept = Lines()
    diary = Diary(kept, LogFormat.JSON, SystemClock())
    diary.learn([Secret(CANARY)])
    listening = LibraryLines(diary)
    listening.attach()
    yield kept
    listening.detach()


def test_what_libraries_say_has_no_secrets(lines: Lines):
    """Of what a library logs its words are kept, not what it put into them, and of an error only the kind."""
    error = ValueError(f"https://x.example/?key={CANARY}&to=79161234567")
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "79161234567", exc_info=error)

    (line,) = lines.of("library.said")
    assert (line["level"], line["logger"], line["detail"], line["error"]) == (
        "error",
        "aiohttp.server",
        "Error handling request from %s",
        "ValueError",
    )
    assert CANARY not in lines.text
    assert "7916" not in lines.text
    assert "Traceback" not in lines.text


def test_the_engine_is_heard(lines: Lines):
    """Warnings of the engine are whole sentences in the log, without secrets."""
    logging.getLogger("pointsman.recovery").warning("%d attempts of %s", 4, CANARY)
    logging.getLogger("pointsman.recovery").info("not worth a line")

    (line,) = lines.of("daemon.noted")
    assert (line["level"], line["detail"]) == ("warning", "4 attempts of ***")


async def test_strangers_who_do_not_speak_http_are_no_errors(rig: Rig):
    """What comes from anybody's port scan is answered, and does not fill the log with errors."""
    address = rig.service.public.address
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /livez HTTP/1.1\r\nbad header 79161234567\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()

    assert not [line for line in rig.lines.of("library.said") if line["level"] != "debug"]
    assert "7916" not in rig.lines.text
