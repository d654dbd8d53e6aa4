"""Makes the logger: one line an event, JSON for machines, colours for people, secrets for nobody.

The pipeline belongs to the logger that is returned; structlog's global configuration, which may be somebody else's, is
neither read nor changed.
"""

import enum
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
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
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        _Stamp(clock or SystemClock()),
        structlog.processors.ExceptionRenderer(
            # Local variables would show what must not be shown.
            structlog.processors.ExceptionRenderer().format_exception
            if is_console
            else ExceptionDictTransformer(show_locals=False, max_frames=20)
        ),
        Redactor(secrets),
        _console(sink) if is_console else _Json(),
    ]
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _SinkLogger(sink),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger
