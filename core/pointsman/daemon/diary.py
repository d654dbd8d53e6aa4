"""The log of the server: requests, what the service does, and what libraries say, in the same lines as everything."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import FilteringBoundLogger

from pointsman.clock import Clock
from pointsman.events import Event
from pointsman.secret import Secret
from pointsman.telemetry import LogFormat, LogLevel, LogObserver, Masker, Sink, build_logger, scrub

OURS = "pointsman"
LOGGERS = (OURS, "aiohttp", "asyncio")
"""Loggers of the standard library that are listened to, with all below them."""
_MOST = 300


class Diary:
    """An observer of events, and where the server writes its own lines.

    State: the logger in force. It knows the secrets of the configuration to keep them out, so it is replaced with it.
    """

    def __init__(self, sink: Sink, format: LogFormat, clock: Clock) -> None:  # noqa: A002 - as of `build_logger`
        self._sink = sink
        self._format = format
        self._clock = clock
        self._masker = Masker()
        self.learn(())

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Keep these secrets out of all lines from now on."""
        self._logger: FilteringBoundLogger = build_logger(
            self._sink, format=self._format, secrets=secrets, clock=self._clock
        )
        self._events = LogObserver(self._logger, self._masker)

    def observer_of(self, kind: type[Event]) -> Callable[[Event], None] | None:
        """Return what writes events of a kind, with the logger that is in force then; None for those without a line."""
        return self if self._events.observer_of(kind) is not None else None

    def __call__(self, event: Event) -> None:
        """Write an event."""
        self._events(event)

    def write(self, level: LogLevel, name: str, **fields: object) -> None:
        """Write a line; fields without a value are left out."""
        self._logger.log(level, name, **{key: value for key, value in fields.items() if value is not None})

    def unforeseen(self, name: str, error: BaseException, **fields: object) -> None:
        """Write that something unforeseen happened, and where; what the error says may hold anything, and stays out."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno}" if place else None
        self.write(LogLevel.ERROR, name, error=type(error).__name__, at=where, **fields)

    def background(self, _: object, context: dict[str, Any]) -> None:
        """Write what went wrong on the event loop with nobody waiting for it; for `set_exception_handler`."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.unforeseen("daemon.background", error)
        else:
            self.write(LogLevel.WARNING, "daemon.background", detail=scrub(str(context.get("message", "")), _MOST))


class LibraryLines(logging.Handler):
    """Takes what libraries log, and what the engine logs as one. Of an error only its kind is kept.

    What libraries put into their words may be anything, such as an address with a secret, so only the words are kept.
    """

    def __init__(self, diary: Diary) -> None:
        super().__init__(logging.WARNING)
        self._diary = diary

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        error = record.exc_info[1] if record.exc_info else None
        level = LogLevel.ERROR if record.levelno >= logging.ERROR else LogLevel.WARNING
        if isinstance(error, HttpProcessingError):
            level = LogLevel.DEBUG  # strangers who do not speak HTTP come all the time, and are answered
        is_ours = record.name.partition(".")[0] == OURS
        self._diary.write(
            level,
            "daemon.noted" if is_ours else "library.said",
            logger=record.name,
            detail=scrub(record.getMessage() if is_ours else str(record.msg), _MOST),
            error=type(error).__name__ if error is not None else None,
        )

    def attach(self) -> None:
        """Listen to them, in place of whoever prints their words."""
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False

    def detach(self) -> None:
        """Stop listening."""
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.removeHandler(self)
            logger.propagate = True
