"""A router over the journal on a disk: closed and started again, it goes on."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pointsman.clock import SystemClock
from pointsman.config import parse_config
from pointsman.engine.orders import Order
from pointsman.loading import load_plugins
from pointsman.outcome import DeliveryState, State
from pointsman.router import Router
from pointsman.store.interface import Claim
from pointsman.store.sqlite.store import SqliteStore
from pointsman.testing import SCRIPTED, ScriptedSandbox
from pointsman.testing.wire import News

from .rig import account, configuration, number, sms
from .test_recovery import report, sent


async def started(path: Path, box: ScriptedSandbox, **keys: object) -> Router:
    """Start a router over a journal."""
    known = load_plugins([SCRIPTED])
    config = parse_config(configuration({"a": account(box, **keys)}, {}, {}), plugins=known, env={})
    router = Router(config, plugins=known, store=SqliteStore(path), only_loopback=True)
    await router.start()
    return router


async def eventually(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait in real time until something has happened."""
    for _ in range(1000):
        if await happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in ten seconds")


async def test_a_journal_is_gone_on_with(tmp_path: Path):
    """Taken, half of them sent, closed; the next router sends the rest, knows the key, and takes reports of all."""
    box = ScriptedSandbox(clock=SystemClock())
    await box.start()
    path = tmp_path / "journal.db"
    try:
        router = await started(path, box, max_rate=20, max_in_flight=1)
        claim = Claim("shop", "key", b"1")
        orders = [Order(sms(place)) for place in range(60)]
        taken = await router.submit_many(orders, client="shop", claim=claim)
        later = datetime.now(UTC) + timedelta(hours=1)
        (kept,) = (await router.submit_many([Order(sms(99, send_at=later))], client="shop")).receipts

        async def some_are_sent() -> bool:
            return len(box.ledger.messages) >= 25

        await eventually(some_are_sent)
        await router.aclose(1.0)
        before = len(box.ledger.messages)
        assert before < 60

        router = await started(path, box)
        again = await router.submit_many(orders, client="shop", claim=claim)
        assert again.repeated
        assert [one.id for one in again.receipts] == [one.id for one in taken.receipts]

        async def all_are_sent() -> bool:
            return {(await router.receipt(one.id)).state for one in taken.receipts} == {State.SENT}

        await eventually(all_are_sent)
        assert sent(box) == Counter({number(place): 1 for place in range(60)})
        assert (await router.receipt(kept.id)).state is State.SCHEDULED
        assert await router.cancel(kept.id)
        assert (await router.receipt(kept.id)).state is State.CANCELLED
        ids = [message.ids[0] for message in box.ledger.messages]
        await report(router, *[News(id=one, state=DeliveryState.DELIVERED, final=True) for one in ids])
        assert {(await router.receipt(one.id)).state for one in taken.receipts} == {State.DELIVERED}
        await router.aclose(1.0)
    finally:
        await box.close()
