"""Asking providers for what they know besides reports and balances: inbox, figures, prices, the state of a message."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from pointsman.clock import Clock, as_utc
from pointsman.engine.answers import Figures, WindowFigures, figures_of
from pointsman.engine.calling import Plan, Subject, judge_read
from pointsman.engine.questions import StatusQuestion, tracked_by
from pointsman.engine.recorder import Recorder
from pointsman.engine.soundness import are_incoming, are_quotes, are_reports, is_refusal, is_statistics
from pointsman.engine.station import Station
from pointsman.engine.tracking import with_country
from pointsman.errors import InvalidQuestion, NotOffered
from pointsman.events import Operation
from pointsman.outcome import Fault, Refused, Report, Unknown
from pointsman.plugin import (
    Incoming,
    Polls,
    PriceQuote,
    ReadsInbox,
    Request,
    Session,
    Statistics,
    TellsPrices,
    TellsStatistics,
    Tracked,
    Window,
    Windows,
)
from pointsman.routing.drift import Comparison, compare
from pointsman.routing.inbox import InboxCursor, news, pick
from pointsman.routing.price import PriceRow
from pointsman.routing.tariff import Rates
from pointsman.routing.windows import cut, span_of
from pointsman.text import bundled_networks

T = TypeVar("T")


class Asking:
    """Questions that people ask, each answered by one provider. Has no state, and no answer changes anything.

    Every question raises `InvalidQuestion` for a provider that the configuration does not have and `NotOffered` for
    one that cannot be asked this. What the provider answers is returned, a refusal as well.
    """

    def __init__(
        self,
        stations: Mapping[str, Station],
        prices: Mapping[str, tuple[PriceRow, ...]],
        recorder: Recorder,
        rates: Rates,
        clock: Clock,
    ) -> None:
        """`prices` are our own price lists, by provider."""
        self._stations = stations
        self._prices = prices
        self._recorder = recorder
        self._rates = rates
        self._clock = clock

    def renew(self, prices: Mapping[str, tuple[PriceRow, ...]]) -> None:
        """Compare with other price lists of our own."""
        self._prices = prices

    async def inbox(self, name: str, since: datetime, until: datetime) -> tuple[Incoming, ...] | Refused:
        """Return what came in within a span, each message once, the windows oldest first."""
        station = self._station(name)
        return await self._received(station, span_of(since, until))

    async def incoming(self, name: str, cursor: InboxCursor) -> tuple[tuple[Incoming, ...], InboxCursor] | Refused:
        """Return what came in since a cursor, and the cursor for the next time; after a refusal the old one holds."""
        station = self._station(name)
        _, windows = _inbox_of(station)
        window = cursor.window(as_utc(self._clock.now()), windows.oldest)
        if window is None:
            return (), cursor
        received = await self._received(station, window)
        return received if isinstance(received, Refused) else news(cursor, window, received)

    async def statistics(self, name: str, since: datetime, until: datetime) -> Figures | Refused:
        """Return a provider's own figures about a span."""
        station = self._station(name)
        provider, windows = _statistics_of(station)
        told = []
        for window in self._cut(span_of(since, until), windows):
            result = await self._statistics(station, provider, window)
            if isinstance(result, Refused):
                return result
            told.append(WindowFigures(window=window, figures=result))
        return figures_of(told)

    async def prices(self, name: str) -> tuple[Comparison, ...] | Refused:
        """Return a provider's own price list, each line beside ours."""
        station = self._station(name)
        provider = station.provider
        if not isinstance(provider, TellsPrices):
            raise NotOffered(name, Operation.PRICES)
        plan: Plan[tuple[PriceQuote, ...] | Refused] = Plan(
            operation=Operation.PRICES,
            subject=Subject(),
            build=provider.prices_request,
            read=provider.read_prices,
            sound=_or_refusal(are_quotes),
            judge=judge_read,
        )
        quotes = await _asked(station, plan)
        if isinstance(quotes, Refused):
            return quotes
        return compare(quotes, self._prices[name], self._rates, self._clock.now(), bundled_networks().country)

    async def status(self, name: str, question: StatusQuestion) -> tuple[Report, ...] | Refused:
        """Return what a provider says of a message now; it may say nothing. Nothing is taken over from it."""
        station = self._station(name)
        if not isinstance(station.provider, Polls):
            raise NotOffered(name, Operation.POLL)
        reports: list[Report] = []
        for tracked in await tracked_by(station, question, self._recorder, self._clock.now()):
            result = await self._reports(station, station.provider, tracked)
            if isinstance(result, Refused):
                return result
            reports += result
        return tuple(reports)

    def _station(self, name: str) -> Station:
        station = self._stations.get(name)
        if station is None:
            raise InvalidQuestion("provider", f"there is no provider {name!r}; there are {', '.join(self._stations)}")
        return station

    def _cut(self, span: Window, windows: Windows) -> tuple[Window, ...]:
        return cut(span, windows, as_utc(self._clock.now()))

    async def _received(self, station: Station, span: Window) -> tuple[Incoming, ...] | Refused:
        provider, windows = _inbox_of(station)
        received: list[Incoming] = []
        for window in self._cut(span, windows):
            result = await self._inbox(station, provider, window)
            if isinstance(result, Refused):
                return result
            received += result
        # Over all of them: many providers list a message of the seam in the answers about both windows.
        return pick(received, span)

    async def _inbox(self, station: Station, provider: ReadsInbox, window: Window) -> tuple[Incoming, ...] | Refused:
        plan: Plan[tuple[Incoming, ...] | Refused] = Plan(
            operation=Operation.INBOX,
            subject=Subject(),
            build=lambda session: provider.inbox_request(window, session),
            read=lambda response: provider.read_inbox(window, response),
            sound=_or_refusal(are_incoming),
            judge=judge_read,
        )
        return await _asked(station, plan)

    async def _statistics(self, station: Station, provider: TellsStatistics, window: Window) -> Statistics | Refused:
        plan: Plan[Statistics | Refused] = Plan(
            operation=Operation.STATISTICS,
            subject=Subject(),
            build=lambda session: provider.statistics_request(window, session),
            read=lambda response: provider.read_statistics(window, response),
            sound=_or_refusal(is_statistics),
            judge=judge_read,
        )
        return await _asked(station, plan)

    async def _reports(
        self, station: Station, provider: Polls, tracked: tuple[Tracked, ...]
    ) -> tuple[Report, ...] | Refused:
        raised = False

        def build(session: Session | None) -> Request:
            nonlocal raised
            raised = True
            request = provider.poll_request(tracked, session)
            raised = False
            return request

        plan: Plan[tuple[Report, ...] | Refused] = Plan(
            operation=Operation.POLL,
            subject=Subject(channel=tracked[0].channel, to=tuple(dict.fromkeys(one.to for one in tracked))),
            build=build,
            read=lambda response: provider.read_poll(tracked, response),
            sound=_or_refusal(are_reports),
            judge=judge_read,
            foreign=True,
        )
        told = await _asked(station, plan)
        if raised:
            field = "ids" if tracked[0].ids else "reference"
            raise InvalidQuestion(
                field, f"cannot be asked about at {station.name}; write it exactly as it stands in the receipt"
            )
        return told if isinstance(told, Refused) else tuple(map(with_country, told))


def _inbox_of(station: Station) -> tuple[ReadsInbox, Windows]:
    provider, windows = station.provider, station.provider.profile.inbox
    if not isinstance(provider, ReadsInbox) or windows is None:
        raise NotOffered(station.name, Operation.INBOX)
    return provider, windows


def _statistics_of(station: Station) -> tuple[TellsStatistics, Windows]:
    provider, windows = station.provider, station.provider.profile.statistics
    if not isinstance(provider, TellsStatistics) or windows is None:
        raise NotOffered(station.name, Operation.STATISTICS)
    return provider, windows


async def _asked(station: Station, plan: Plan[T | Refused]) -> T | Refused:
    """Ask once; what is not an answer is a refusal."""
    result = await station.caller.call(plan)
    if isinstance(result, Unknown):
        return Refused(fault=Fault.UNAVAILABLE, code=result.reason, detail=result.detail)
    return result


def _or_refusal(sound: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: sound(value) or is_refusal(value)
