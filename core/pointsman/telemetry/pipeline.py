"""Makes the logger: one line an event, JSON for machines, colours for people, secrets for nobody.

The pipeline belongs to the logger that is returned; structlog's global configuration, which may be somebody else's, is
neither read nor changed.
"""

import enum
import json
import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec
import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from pointsman.clock import Clock, SystemClock, as_utc
from pointsman.secret import Secret
from pointsman.telemetry.redaction import Redactor
from pointsman.telemetry.sink import Sink


class LogFormat(enum.StrEnum):
    """What a line looks like."""

    AUTO = "auto"
    """`CONSOLE` on a terminal, else `JSON`."""
    JSON = "json"
    CONSOLE = "console"


class LogLevel(enum.IntEnum):
    """What is worth a line; the numbers are those of the standard library."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


def build_logger(
    sink: Sink,
    *,
    format: LogFormat = LogFormat.AUTO,  # noqa: A002 - the name of the option
    level: LogLevel = LogLevel.INFO,
    secrets: Iterable[Secret] = (),
    clock: Clock | None = None,
) -> FilteringBoundLogger:
    """Return a logger that writes to `sink`, which its maker closes.

    `secrets` are the configured credentials; wherever one turns up in a line it becomes `***`.
    """
    is_console = format is LogFormat.CONSOLE or (format is LogFormat.AUTO and sink.isatty())
    # Neither shows local variables, in which anything may stand.
    failures = ExceptionRenderer() if is_console else ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    processors: list[Processor] = [
        _Head(clock or SystemClock(), failures),
        Redactor(secrets),
        *([_printable, _Console(is_coloured=sink.isatty())] if is_console else [_Json()]),
    ]
    lazy = structlog.wrap_logger(
        _SinkLogger(sink),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    logger: FilteringBoundLogger = lazy.bind()
    return logger


def timestamp(seconds: float) -> str:
    """Return epoch seconds as ISO 8601 in UTC with milliseconds; nonsense as it is."""
    try:
        whole, rest = divmod(round(seconds * 1_000_000), 1_000_000)
        return f"{_second(whole)}.{rest // 1000:03d}Z"
    except (OverflowError, ValueError, OSError):
        return str(seconds)


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    """Return what all timestamps of one second begin with; lines of one second come together."""
    return as_utc(seconds).isoformat(timespec="seconds").removesuffix("+00:00")


class _SinkLogger:
    """What structlog calls with a finished line."""

    __slots__ = ("critical", "debug", "error", "info", "warning")

    def __init__(self, sink: Sink) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = sink.write


class _Head:
    """Adds the level, the time unless the event brought its own, and what there is of an exception."""

    __slots__ = ("_clock", "_failures")

    def __init__(self, clock: Clock, failures: ExceptionRenderer) -> None:
        self._clock = clock
        self._failures = failures

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        event_dict["level"] = "warning" if name == "warn" else name
        if "timestamp" not in event_dict:
            event_dict["timestamp"] = timestamp(self._clock.now())
        return self._failures(logger, name, event_dict) if "exc_info" in event_dict else event_dict


class _Json:
    """Renders one JSON object, with what one looks for first at the beginning."""

    __slots__ = ("_encode",)

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode

    def __call__(self, _: WrappedLogger, __: str, event_dict: EventDict) -> bytes:
        get = event_dict.get
        line = {"timestamp": get("timestamp"), "level": get("level"), "event": get("event"), **event_dict}
        try:
            return self._encode(line)
        except (UnicodeEncodeError, OverflowError):
            # Half a surrogate pair or an enormous integer, out of somebody's broken answer.
            return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")


class _Console:
    """Renders a line for people."""

    __slots__ = ("_render",)

    def __init__(self, *, is_coloured: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=is_coloured, exception_formatter=structlog.dev.plain_traceback
        )

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> bytes:
        return self._render(logger, name, event_dict).encode("utf-8", "backslashreplace")


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _printable(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Escape what could forge a line or command the terminal; only our own traceback may have several lines."""
    return {
        name: _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], value)
        if isinstance(value, str) and name != "exception"
        else value
        for name, value in event_dict.items()
    }
