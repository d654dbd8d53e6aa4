"""What a scripted account can be asked for besides reports and balance, and what its sandbox keeps for that."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from pointsman.clock import as_utc
from pointsman.events import Operation
from pointsman.message import Channel
from pointsman.outcome import Fault, Refused
from pointsman.plugin import (
    InboxReading,
    Incoming,
    PricesReading,
    Reading,
    ReadsInbox,
    Request,
    Response,
    Session,
    SessionExpired,
    Statistics,
    StatisticsReading,
    TellsPrices,
    TellsStatistics,
    Window,
    Windows,
)
from pointsman.sandbox import Fate, SandboxMessage, Stage
from pointsman.testing.settings import ScriptedSettings
from pointsman.testing.wire import Answer, Question, post, read_scripted

_NONSENSE = Refused(fault=Fault.UNAVAILABLE, code="unreadable")


def windows_of(settings: ScriptedSettings) -> Windows:
    """Return how large a span a scripted account answers for."""
    oldest = settings.oldest_days
    return Windows(
        longest=timedelta(days=settings.window_days), oldest=None if oldest is None else timedelta(days=oldest)
    )


class ScriptedQuestions(ReadsInbox, TellsStatistics):
    """Inbox and figures of a `ScriptedSandbox`; the profile says whether the account offers them."""

    def inbox_request(self, window: Window, session: Session | None) -> Request:
        """Ask for a window."""
        return post("inbox", Question(since=window.start, until=window.end), session)

    def read_inbox(self, window: Window, response: Response) -> InboxReading:
        """Read messages."""
        del window
        answer = _answer(response, Operation.INBOX)
        return Reading(answer.inbox if isinstance(answer, Answer) else answer)

    def statistics_request(self, window: Window, session: Session | None) -> Request:
        """Ask for a window."""
        return post("statistics", Question(since=window.start, until=window.end), session)

    def read_statistics(self, window: Window, response: Response) -> StatisticsReading:
        """Read figures."""
        del window
        answer = _answer(response, Operation.STATISTICS)
        if isinstance(answer, Answer):
            return Reading(answer.statistics or Statistics())
        return Reading(answer)


class ScriptedPrices(TellsPrices):
    """The price list of a `ScriptedSandbox`."""

    def prices_request(self, session: Session | None) -> Request:
        """Ask for the list."""
        return post("prices", Question(), session)

    def read_prices(self, response: Response) -> PricesReading:
        """Read the lines."""
        answer = _answer(response, Operation.PRICES)
        return Reading(answer.prices if isinstance(answer, Answer) else answer)


def _answer(response: Response, operation: Operation) -> Answer | Refused | SessionExpired:
    answer = read_scripted(response, operation)
    return answer if isinstance(answer, Answer | Refused | SessionExpired) else _NONSENSE


class Letter(msgspec.Struct, frozen=True):
    """A message in a sandbox's inbox."""

    message: Incoming
    listed_at: float
    """Wall time from which on the provider lists it."""


def listed(letters: Iterable[Letter], question: Question, now: float) -> tuple[Incoming, ...]:
    """Return what an inbox shows for a question: both ends belong to the window, as with many providers."""
    return tuple(
        one.message
        for one in letters
        if one.listed_at <= now and (one.message.at is None or _within(question, one.message.at))
    )


def counted(messages: Iterable[SandboxMessage], question: Question, now: float) -> Statistics:
    """Count the messages that were taken within the window of a question; the end does not belong to it."""
    taken = [
        one
        for one in messages
        if one.channel is not Channel.HLR
        and _within(question, at := as_utc(one.accepted_at))
        and (question.until is None or at < question.until)
    ]
    over = [one.course.fate for one in taken if one.stage(now) is Stage.FINAL]
    return Statistics(
        sent=len(taken),
        delivered=over.count(Fate.DELIVERED),
        expired=over.count(Fate.EXPIRED),
        rejected=over.count(Fate.REJECTED),
        in_process=len(taken) - len(over),
        total=len(taken),
    )


def _within(question: Question, at: datetime) -> bool:
    return (question.since is None or question.since <= at) and (question.until is None or at <= question.until)
