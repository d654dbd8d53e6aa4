"""How the daemon starts with a large journal: until it is ready, until the first message leaves, and how much it holds.

The journal is made through the books of the store itself, so that it is one; making a million messages takes a minute
or more, so this is measured only when it is asked for.
"""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random

import aiohttp
import msgspec

from pointsman.bench.daemon import served
from pointsman.bench.embedded import provider
from pointsman.bench.figures import Amount
from pointsman.bench.serving import JOURNAL, Daemon, folder_on_disk, serving, until
from pointsman.bench.traffic import CONCURRENCY, number_of, text_of
from pointsman.clock import SystemClock
from pointsman.engine.ids import Ids
from pointsman.message import Channel, Envelope, Money, Msisdn, Network, Origin, Sms
from pointsman.outcome import Accepted, Attempt, DeliveryState, Report
from pointsman.store.change import Begin, Change, Intent, Note, Settle
from pointsman.store.record import Record, begin
from pointsman.store.sqlite.books import Books
from pointsman.store.sqlite.opening import open_journal
from pointsman.text.segments import count_segments

WAITING = 10_000
"""Messages that are still to be sent or on their way; of the others it is known what became of them."""
MOST_SECONDS = 5.0
MOST_MEMORY = 300.0
"""MiB."""
_GROUP = 5_000
"""Messages in one transaction."""
_DAY = 86_400.0
_PRICE = Decimal("0.01")


async def measure_journal(messages: int) -> tuple[Amount, ...]:
    """Measure a start with so many messages in the journal."""
    async with AsyncExitStack() as opened:
        folder = opened.enter_context(folder_on_disk())
        waiting = fill(folder / JOURNAL, messages)
        port = await opened.enter_async_context(provider())
        session = await opened.enter_async_context(aiohttp.ClientSession())
        began = time.perf_counter()
        daemon = await opened.enter_async_context(serving(folder, port))
        ready = time.perf_counter() - began

        async def sent() -> int:
            return await served(session, port)

        await until(sent)
        first = time.perf_counter() - began
        return (*_amounts(messages, ready, first), *await _sent_all(daemon, sent_all=waiting))


def _amounts(messages: int, ready: float, first: float) -> tuple[Amount, ...]:
    start = f"start with {messages:,} messages in the journal"
    return (
        Amount(name=f"{start}: until it is ready", value=ready, unit="s", most=MOST_SECONDS),
        Amount(name=f"{start}: until the first has left", value=first, unit="s"),
    )


async def _sent_all(daemon: Daemon, sent_all: int) -> tuple[Amount, ...]:
    async def over() -> bool:
        return await daemon.sent() >= sent_all

    began = time.perf_counter()
    await until(over, 0.25)
    return (
        Amount(name=f"until the {sent_all:,} that waited were sent", value=time.perf_counter() - began, unit="s"),
        Amount(name="resident memory at its highest", value=daemon.peak(), unit="MiB", most=MOST_MEMORY),
    )


def fill(path: Path, messages: int) -> int:
    """Make a journal; return how many of its messages are still to be sent for certain."""
    waiting = min(WAITING, messages)
    flying = min(CONCURRENCY, waiting)
    opened = open_journal(path)
    try:
        books = Books(str(path), opened.writes, opened.rows, SystemClock())
        envelopes = _envelopes(messages)
        for first in range(0, messages, _GROUP):
            books.begin()
            for number in range(first, min(first + _GROUP, messages)):
                left = messages - number
                _write(books, next(envelopes), _Course(done=left > waiting, flying=left <= flying))
            books.commit()
    finally:
        opened.close()
    return waiting - flying


class _Course(msgspec.Struct, frozen=True):
    """What a message has been through."""

    done: bool
    flying: bool


def _envelopes(messages: int) -> Iterator[Envelope]:
    ids = Ids(SystemClock(), Random(7))
    now = time.time()
    for number in range(messages):
        text, to = text_of(number), number_of(number)
        yield Envelope(
            id=ids.new(),
            message=Sms(to=to, text=text),
            channel=Channel.SMS,
            to=Msisdn(to),
            network=Network("RU"),
            segments=count_segments(text),
            accepted_at=now,
            deadline=now + _DAY,
            origin=Origin("bench"),
        )


def _write(books: Books, envelope: Envelope, course: _Course) -> None:
    record = begin(envelope, books.rows.owner, float("inf"))
    books.batch.enter(record)
    if course.done or course.flying:
        for change in _changes(record, course):
            record = books.apply(record, change, envelope.accepted_at)


def _changes(record: Record, course: _Course) -> Iterator[Change]:
    envelope, provider_id = record.envelope, str(int(record.envelope.id[-15:], 16))
    now, ref = envelope.accepted_at, envelope.id + "1"
    intent = Intent(
        number=1, provider="bench", ref=ref, call_ref=ref, decision_id=envelope.id, started_at=now, owner=record.owner
    )
    yield Begin(intent)
    if course.done:
        yield Settle(
            Attempt(
                number=1,
                provider="bench",
                ref=ref,
                call_ref=ref,
                calls=1,
                outcome=Accepted(ids=(provider_id,)),
                started_at=now,
                duration=0.05,
                price=Money(_PRICE, "EUR"),
                decision_id=envelope.id,
            ),
            record.owner,
        )
        yield Note(1, Report(provider_id=provider_id, state=DeliveryState.DELIVERED, final=True))
