"""What becomes of accepted messages: reports are matched, merged and told, and whoever waits for them is woken."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from pointsman.clock import Clock, as_utc
from pointsman.engine.bus import Bus
from pointsman.engine.debts import Debts
from pointsman.engine.early import Early
from pointsman.engine.ids import ID_LENGTH
from pointsman.engine.judging import Judging
from pointsman.engine.polling import GIVE_UP, Poller, Watch, no_report
from pointsman.engine.recorder import Recorder
from pointsman.engine.resolving import Resolving
from pointsman.engine.station import Station
from pointsman.errors import RouterClosed
from pointsman.events import Reported, ReportIgnored
from pointsman.message import Fallback, FallbackBy, Message, Msisdn, Viber
from pointsman.outcome import Accepted, Attempt, LookupResult, Refused, Report, SettledBy, State, Unknown
from pointsman.routing.merge import is_final as is_final_report
from pointsman.store import Record
from pointsman.store.change import Note
from pointsman.store.erasing import silenced
from pointsman.store.record import UNMAPPED, is_final, is_told
from pointsman.text import bundled_networks

_Waiter = tuple[Callable[[Record], bool], asyncio.Future[Record]]
"""Somebody who waits for a message, and for how much."""


def _nobody_learns(to: Msisdn, result: LookupResult) -> None:
    del to, result


def _never(record: Record) -> float:
    del record
    return float("inf")


def _nobody(record: Record) -> None:
    del record


async def _nobody_cares(record: Record, provider: str) -> None:
    del record, provider


def _as_listed(before: Record, after: Record, number: int) -> None:
    del before, after, number


class Tracking:
    """The pollers, the reports that came too early, and those who wait for a message to be final."""

    def __init__(
        self,
        recorder: Recorder,
        early: Early,
        resolving: Resolving,
        debts: Debts,
        judging: Judging,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._recorder = recorder
        self._early = early
        self._resolving = resolving
        self._debts = debts
        self._judging = judging
        self._bus = bus
        self._clock = clock
        self._stations: Mapping[str, Station] = {}
        self._pollers: dict[str, Poller] = {}
        self._former: dict[str, list[tuple[float, Poller]]] = {}
        """Pollers of accounts that a provider had before, with the wall times up to when attempts were made there."""
        self._tasks: dict[asyncio.Task[None], Poller] = {}
        self._waiting: dict[str, list[_Waiter]] = {}
        self._unmapped: set[asyncio.Task[None]] = set()
        self._closed = False
        self.learn: Callable[[Msisdn, LookupResult], None] = _nobody_learns
        """Told of every lookup result, and of the number that it is about."""
        self.last_question: Callable[[Record], float] = _never
        """Says when a provider is asked about a message whatever the pace is (wall time)."""
        self.heed: Callable[[Record], None] = _nobody
        """Told of every message of which there is news."""
        self.delivered: Callable[[Record, str], Awaitable[None]] = _nobody_cares
        """Told of every message that turns out to be delivered, and of the provider that says so."""
        self.compare: Callable[[Record, Record, int], None] = _as_listed
        """Told of every change of an attempt by a report, which may tell its price."""

    def start(self, stations: Mapping[str, Station]) -> None:
        """Begin to poll."""
        self._stations = stations
        for station in stations.values():
            self.begin(station)

    def begin(self, station: Station) -> None:
        """Begin to poll a provider. What another poller of its name watches stays with that one until it ends."""
        name = station.name
        if (former := self._pollers.get(name)) is not None:
            self._former.setdefault(name, []).append((self._clock.now(), former))
        poller = Poller(name, station.provider, station.caller, station.polling, self.take, self._clock)
        self._pollers[name] = poller
        self._tasks[asyncio.create_task(poller.run(), name=f"poller {name}")] = poller

    def poller(self, name: str) -> Poller:
        """Return the poller of a provider. Raises `KeyError` where nobody is asked."""
        return self._pollers[name]

    def end(self, name: str, poller: Poller) -> None:
        """Stop a poller that has nothing more to ask."""
        for task in [task for task, one in self._tasks.items() if one is poller]:
            task.cancel()
            del self._tasks[task]
        if self._pollers.get(name) is poller:
            del self._pollers[name]
        former = [one for one in self._former.pop(name, []) if one[1] is not poller]
        if former:
            self._former[name] = former

    def _poller_of(self, attempt: Attempt) -> Poller | None:
        """Return who asks about an attempt; None when its provider, or that account, is not configured any more."""
        for until, poller in self._former.get(attempt.provider, ()):
            if attempt.started_at < until:
                return poller
        station = self._stations.get(attempt.provider)
        return self._pollers.get(attempt.provider) if station is None or station.holds(attempt) else None

    async def close(self) -> None:
        """Stop polling; those who still wait are told that the router is closed."""
        self._closed = True
        tasks = [*self._tasks, *self._unmapped]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for waiting in list(self._waiting.values()):
            for _, future in tuple(waiting):
                if not future.done():
                    future.set_exception(_closed())

    async def follow(self, record: Record, attempt: Attempt) -> None:
        """Wait for the reports of an accepted attempt about which there is more to learn."""
        outcome = attempt.outcome
        if not isinstance(outcome, Accepted):
            return
        await self.replay(attempt)
        ended = {
            one.provider_id for one in record.reports if one.number == attempt.number and is_final_report(one.report)
        }
        if not outcome.ids and UNMAPPED not in ended:
            self._give_up_later(record, attempt)
        for provider_id in outcome.ids:
            if provider_id in ended or provider_id in await self._taken_early(attempt.provider, provider_id):
                continue
            poller = self._poller_of(attempt)
            if poller is None:
                self._give_up_later(record, attempt, provider_id)
            else:
                poller.add(
                    Watch(
                        provider_id=provider_id,
                        message_id=record.envelope.id,
                        to=record.envelope.to,
                        channel=record.envelope.channel,
                        accepted_at=attempt.started_at,
                        resend=resent_by_provider(record.envelope.message),
                        due=_kept_until(record),
                        ask_at=self.last_question(record),
                    )
                )

    async def replay(self, attempt: Attempt) -> None:
        """Take in the reports that came under an attempt's reference before its outcome was known."""
        await self._taken_early(attempt.provider, attempt.ref)

    async def _taken_early(self, provider: str, key: str) -> frozenset[str]:
        """Take in what was kept under a key; return the ids about which there is nothing more to learn.

        It is forgotten only then: whoever dies in between takes it in again, which changes nothing.
        """
        early = await self._recorder.insist(lambda: self._early.of(provider, key))
        if not early:
            return frozenset()
        done = await self._recorder.insist(lambda: self._take(provider, early, keep=False))
        await self._recorder.insist(lambda: self._early.forget(provider, key))
        return done

    def _give_up_later(self, record: Record, attempt: Attempt, provider_id: str = UNMAPPED) -> None:
        """End the wait for a message that nobody can be asked about: its id was never told, or its provider is gone."""
        station = self._stations.get(attempt.provider)
        polling = station.polling.get(record.envelope.channel) if station is not None else None
        # By its age: it may have been taken long before this process began.
        since = max(_kept_until(record), attempt.started_at) - self._clock.now()
        patience = max(since + (polling.give_up if polling else GIVE_UP), 0.0)
        task = asyncio.create_task(self._give_up(record, attempt, provider_id, patience))
        self._unmapped.add(task)
        task.add_done_callback(self._unmapped.discard)

    async def _give_up(self, record: Record, attempt: Attempt, provider_id: str, patience: float) -> None:
        await self._clock.sleep(patience)
        report = no_report(provider_id, record.envelope.channel, as_utc(self._clock.now()))
        await self._noted(attempt.provider, record.envelope.id, attempt.number, report)

    async def take(self, provider: str, reports: tuple[Report, ...]) -> frozenset[str]:
        """Take reports in; return the ids about which there is nothing more to learn. Raises `StoreUnavailable`."""
        return await self._take(provider, reports, keep=True)

    async def _take(self, provider: str, reports: tuple[Report, ...], *, keep: bool) -> frozenset[str]:
        done: set[str] = set()
        for one in reports:
            places, report = await self._places(provider, one)
            if not places and keep:
                await self._early.keep(provider, one)
                # The answer may have been written down meanwhile, by somebody who looked for early reports before.
                places, report = await self._places(provider, one)
            for message_id, number in places:
                if await self._noted(provider, message_id, number, report):
                    done.add(report.provider_id)
        return frozenset(done)

    async def _places(self, provider: str, report: Report) -> tuple[tuple[tuple[str, int], ...], Report]:
        """Return the attempts that a report is about, and the report as it fits them."""
        places = await self._recorder.find(provider, report.provider_id)
        if places or report.reference is None:
            return places, report
        return await self._by_reference(provider, report.reference, report)

    async def _by_reference(
        self, provider: str, reference: str, report: Report
    ) -> tuple[tuple[tuple[str, int], ...], Report]:
        """Match a report by our own reference; it also proves that an attempt in doubt did get through."""
        message_id = reference[:ID_LENGTH]
        record = await self._recorder.get(message_id)
        if record is None:
            return (), report
        for attempt in reversed(record.attempts):  # a repeat goes out under the reference of the attempt before it
            if attempt.provider != provider or attempt.ref != reference:
                continue
            match attempt.outcome:
                case Accepted(ids=ids):
                    return ((message_id, attempt.number),), msgspec.structs.replace(
                        report, provider_id=ids[0] if ids else UNMAPPED
                    )
                case Unknown():
                    taken = Accepted(ids=(report.provider_id,), price=report.price)
                    record = await self._resolving.resolve(record.envelope, attempt, taken, SettledBy.REPORT)
                    if not is_final_report(report):
                        await self.follow(record, record.attempts[attempt.number - 1])
                    return ((message_id, attempt.number),), report
                case Refused():
                    return (), report
        return (), report

    async def until_final(self, message_id: str) -> Record:
        """Wait until nothing more is going to be done for a message; raises as `until` does."""
        return await self.until(message_id, is_final)

    async def until_told(self, message_id: str) -> Record:
        """Wait until those who took a message told its end; raises as `until` does."""
        return await self.until(message_id, is_told)

    async def until(self, message_id: str, enough: Callable[[Record], bool]) -> Record:
        """Wait until what is known of a message is enough.

        Raises `KeyError` for an unknown one, `RouterClosed` when that is not going to happen any more.
        """
        record = await self._recorder.known(message_id)
        if record is None:
            raise KeyError(message_id)
        if enough(record):
            return record
        if self._closed:
            raise _closed()
        waiter: _Waiter = (enough, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(message_id, []).append(waiter)
        try:
            return await waiter[1]
        finally:
            self._leave(message_id, waiter)

    def _leave(self, message_id: str, waiter: _Waiter) -> None:
        waiting = self._waiting.get(message_id, [])
        if waiter in waiting:
            waiting.remove(waiter)
        if not waiting:
            self._waiting.pop(message_id, None)

    def woken(self, record: Record) -> None:
        """Wake those who wait for no more than what is known of a message now."""
        self.heed(record)
        for enough, future in self._waiting.get(record.envelope.id, ()):
            if enough(record) and not future.done():
                future.set_result(record)

    async def _noted(self, provider: str, message_id: str, number: int, report: Report) -> bool:
        record = await self._recorder.get(message_id)
        if record is None:
            return True
        if report.to is not None and report.to != record.envelope.to and not record.erased:
            self._bus.emit(ReportIgnored(at=self._clock.now(), provider=provider, reason="wrong_number"))
            return False
        report = self._resolving.usable(with_country(silenced(report) if record.erased else report))
        again = await self._judging.foresee(record, number, report) if provider in self._stations else None
        before, after = await self._recorder.change(message_id, Note(number, report, again is not None))
        final = is_final_report(report)
        if after is not before:
            attempt = after.attempts[number - 1]
            if report.lookup is not None and not record.erased:
                self._learn(after, report, report.lookup)
            if _is_news(before, number, report):
                self._tell(provider, after, attempt, report, final=final)
            if provider in self._stations:  # one that is not configured any more has neither account nor health
                self._resolving.reprice(before, after, number)
                self._debts.settle(before, after, number)
                self.compare(before, after, number)
                self._judging.judge(before, after, number, report)
            if again is not None and after.resuming and not before.resuming:
                again(after)
            self.woken(after)
            if before.state is not State.DELIVERED and after.state is State.DELIVERED:
                await self.delivered(after, provider)
        return final

    def _tell(self, provider: str, record: Record, attempt: Attempt, report: Report, *, final: bool) -> None:
        state = report.lookup.state if report.lookup is not None else report.state
        if state is not None:
            now = self._clock.now()
            self._bus.emit(
                Reported(
                    at=now,
                    message_id=record.envelope.id,
                    provider=provider,
                    channel=record.envelope.channel,
                    state=state,
                    final=final,
                    age=max(now - max(attempt.started_at, record.envelope.due), 0.0),
                )
            )

    def _learn(self, record: Record, report: Report, lookup: LookupResult) -> None:
        at = lookup.at or report.at or as_utc(self._clock.now())
        self.learn(record.envelope.to, msgspec.structs.replace(lookup, at=at))


def _closed() -> RouterClosed:
    return RouterClosed("the router was closed before the last report about the message came")


def _is_news(before: Record, number: int, report: Report) -> bool:
    """Say whether a report tells more than a later time of what was known already."""
    return not any(
        one.number == number
        and one.provider_id == report.provider_id
        and one.report.state is report.state
        and one.report.lookup == report.lookup
        and one.report.final == report.final
        and one.report.read == report.read
        for one in before.reports
    )


def with_country(report: Report) -> Report:
    """Complete the network of a lookup: plugins know the code of a network, the country follows from it."""
    lookup = report.lookup
    network = lookup.network if lookup is not None else None
    if lookup is None or network is None or network.mccmnc is None or network.country is not None:
        return report
    country = bundled_networks().country(network.mccmnc)
    replace = msgspec.structs.replace
    return replace(report, lookup=replace(lookup, network=replace(network, country=country)))


def resent_by_provider(message: Message) -> bool:
    """Say whether the provider sends an SMS when this message does not get through."""
    match message:
        case Viber(fallback=Fallback(by=FallbackBy.PROVIDER)):
            return True
        case _:
            return False


def _kept_until(record: Record) -> float:
    """Return until when a provider keeps a message; what need not wait is not kept, even if clocks were set back."""
    envelope = record.envelope
    return envelope.due if envelope.due > envelope.accepted_at else 0.0
