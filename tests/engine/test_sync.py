"""The router without an event loop: the same answers, from any thread, and no thread left behind."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from pointsman import (
    ConfigError,
    InboxCursor,
    InvalidMessage,
    InvalidMessages,
    NotOffered,
    Refused,
    Router,
    RouterClosed,
    Sms,
    SyncRouter,
)
from pointsman.message import Channel, MessageClass
from pointsman.outcome import Fault, LookupResult, LookupState, Receipt, State
from pointsman.sandbox import Sandbox, delay
from pointsman.store import MemoryStore, Record
from pointsman.testing import SCRIPTED, Refusal, ScriptedSandbox

from .rig import account, configuration, number, price, sms


@pytest.fixture
def served() -> Iterator[ScriptedSandbox]:
    """A provider that runs in a loop and a thread of its own, as a real one does."""
    box = ScriptedSandbox()
    with serving(box):
        yield box


@contextmanager
def serving(*boxes: Sandbox) -> Iterator[None]:
    """Serve sandboxes in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox")
    thread.start()

    def do(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(timeout=10)

    try:
        for box in boxes:
            do(box.start())
        yield
    finally:
        for box in boxes:
            do(box.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def toml(tmp_path: Path, served: ScriptedSandbox) -> Path:
    """A configuration with that provider."""
    path = tmp_path / "router.toml"
    keys = {"tells_reports": True, "prices": [price("0.1")], "poll": {"first": "20ms", "longest": "50ms"}}
    served.delivery = msgspec.structs.replace(served.delivery, seconds_to_sent=0.0, seconds_to_final=0.0)
    path.write_text(configuration({"a": account(served, **keys)}, {}, {}))
    return path


def open_router(toml: Path, **options: Any) -> SyncRouter:
    """Return a router that has not been started."""
    return SyncRouter.from_toml(toml, plugins=[SCRIPTED], env={}, only_loopback=True, **options)


def threads() -> list[str]:
    """Names of the threads that run routers."""
    return [thread.name for thread in threading.enumerate() if thread.name == "pointsman"]


# -- the same answers --------------------------------------------------------------------------------------------------


def essence(receipt: Receipt) -> tuple[Any, ...]:
    """What a receipt says, without names and times."""
    attempts = [(one.number, one.provider, type(one.outcome), one.price, one.calls) for one in receipt.attempts]
    return receipt.to, receipt.state, receipt.segments, receipt.network, attempts, receipt.reason


def test_it_gives_the_same_answers(toml: Path, served: ScriptedSandbox):
    """The same messages give the same receipts as with the router in an event loop."""
    served.numbers = {number(3): Refusal(certain=True), number(4): Refusal(fault=Fault.CONTENT)}
    messages = [sms(place, "x" * (1 + 100 * place), message_class=MessageClass.OTP) for place in range(6)]

    async def in_a_loop() -> list[Receipt]:
        async with Router.from_toml(toml, plugins=[SCRIPTED], env={}, only_loopback=True, random=Random(1)) as router:
            return await router.send_many(messages, until_final=True)

    expected = asyncio.run(in_a_loop())
    with open_router(toml, random=Random(1)) as router:
        assert list(map(essence, router.send_many(messages, until_final=True))) == list(map(essence, expected))
    states = [State.FAILED if place in {3, 4} else State.DELIVERED for place in range(6)]
    assert [receipt.state for receipt in expected] == states


def test_every_method_answers(toml: Path):
    """`send`, `lookup`, `explain`, `providers`, `receipt`, `wait`, `submit` and `cancel` answer without a loop."""
    with open_router(toml) as router:
        receipt = router.send(sms())
        assert receipt.provider == "a"
        assert router.wait(receipt.id).state is State.DELIVERED
        last = router.receipt(receipt.id)
        assert last is not None
        assert last.state is State.DELIVERED
        assert router.receipt("0" * 28) is None
        assert router.cancel(receipt.id) is False
        later = router.submit(sms(3, send_at=datetime.now(UTC) + timedelta(hours=1)))
        assert later.state is State.SCHEDULED
        assert router.cancel(later.id) is True
        assert router.wait(later.id).state is State.CANCELLED
        assert router.send(sms(1), until_final=True).state is State.DELIVERED
        assert router.lookup(number(2)) == LookupResult(state=LookupState.REACHABLE)
        chosen = router.explain(sms()).chosen
        assert chosen is not None
        assert chosen.provider == "a"
        assert [status.name for status in router.providers()] == ["a"]


def test_the_operator_s_hand_reaches_it(toml: Path):
    """`trip`, `reset` and `topped_up` do, and raise, what they do in an event loop."""
    with open_router(toml) as router:
        router.trip("a", Channel.SMS, 3600, reason="maintenance")
        (cell,) = router.providers()[0].open_cells
        assert (cell.channel, cell.reason) == (Channel.SMS, "maintenance")
        assert router.send(sms()).state is State.FAILED
        router.reset("a", reason="done")
        assert router.send(sms()).provider == "a"
        with pytest.raises(ValueError, match="opening_balance"):
            router.topped_up("a", Decimal(1))
        router.drain("a", "maintenance")
        assert router.providers()[0].drained == "maintenance"
        assert router.probe("a").ok is None
        router.resume("a")
        assert router.send(sms()).provider == "a"


def test_questions_are_answered(toml: Path):
    """What a provider can be asked is asked without an event loop just the same; what it does not offer is said."""
    with open_router(toml) as router:
        receipt = router.send(sms())
        ids = receipt.attempts[0].outcome.ids  # type: ignore[union-attr]  # it was taken
        reports = router.status("a", ids)
        assert not isinstance(reports, Refused)
        assert [report.provider_id for report in reports] == list(ids)
        assert router.lookup(number(2)) == LookupResult(state=LookupState.REACHABLE)
        known = router.lookup(number(2), max_age=timedelta(hours=1))
        assert known is not None
        assert known.at is not None
        for question in ("inbox", "incoming", "statistics", "prices"):
            with pytest.raises(NotOffered):
                USES[question](router)


def test_many_threads_may_use_it(toml: Path, served: ScriptedSandbox):
    """Sixteen threads that send at once each get their own receipts, and every message is sent once."""
    with open_router(toml) as router, ThreadPoolExecutor(16) as pool:
        receipts = list(pool.map(lambda place: router.send(sms(place)), range(160)))
    assert [receipt.to for receipt in receipts] == [number(place) for place in range(160)]
    assert {receipt.state for receipt in receipts} <= {State.SENT, State.DELIVERED}
    assert sorted(message.to for message in served.ledger.messages) == [number(place) for place in range(160)]


async def test_it_may_be_used_beside_an_event_loop(toml: Path):
    """A thread that runs an event loop of its own may use it, too; it waits like any other function."""
    with open_router(toml) as router:
        assert router.send(sms()).provider == "a"


# -- errors ------------------------------------------------------------------------------------------------------------


def test_errors_reach_the_caller(toml: Path):
    """What a method raises is raised where it was called."""
    with open_router(toml) as router:
        with pytest.raises(InvalidMessage, match="to"):
            router.send(Sms(to="12", text="hello"))
        with pytest.raises(InvalidMessages) as several:
            router.send_many([sms(), Sms(to="12", text="hello")])
        assert [place for place, _ in several.value.problems] == [1]
        with pytest.raises(InvalidMessage, match="text"):
            router.explain(Sms(to=number(0), text=" "))
        with pytest.raises(KeyError):
            router.wait("0" * 28)


def test_a_bad_file_is_found_before_anything_starts(tmp_path: Path):
    """`from_toml` raises `ConfigError` itself, and no thread was begun."""
    path = tmp_path / "router.toml"
    path.write_text("[router]\ncolour = 1\n")
    with pytest.raises(ConfigError):
        open_router(path)
    assert threads() == []


def test_a_router_that_cannot_be_made_leaves_no_thread():
    """What making the router raises is raised by `start`, and its thread ends."""

    def make() -> Router:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), SyncRouter(make):
        pass
    assert threads() == []


# -- beginning and end -------------------------------------------------------------------------------------------------


def test_closing_twice_is_closing_once(toml: Path):
    """`close` may be called before the start and again after the end; the thread is gone after the first time."""
    router = open_router(toml)
    router.close()
    router.start()
    assert threads() == ["pointsman"]
    router.close()
    router.close()
    assert threads() == []


START = datetime(2026, 11, 1, tzinfo=UTC)
Use = Callable[[SyncRouter], object]
USES: dict[str, Use] = {
    "send": lambda router: router.send(sms()),
    "send_many": lambda router: router.send_many([sms()]),
    "lookup": lambda router: router.lookup(number(0)),
    "inbox": lambda router: router.inbox("a", since=START, until=START + timedelta(days=1)),
    "incoming": lambda router: router.incoming("a", InboxCursor.starting(START)),
    "statistics": lambda router: router.statistics("a", since=START, until=START + timedelta(days=1)),
    "prices": lambda router: router.prices("a"),
    "status": lambda router: router.status("a", ["m1"], to=number(0)),
    "explain": lambda router: router.explain(sms()),
    "providers": lambda router: router.providers(),
    "receipt": lambda router: router.receipt("0" * 28),
    "wait": lambda router: router.wait("0" * 28),
    "cancel": lambda router: router.cancel("0" * 28),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_router_that_does_not_run_says_so(toml: Path, use: Use):
    """Before the start and after the end every method raises `RouterClosed`."""
    router = open_router(toml)
    with pytest.raises(RouterClosed):
        use(router)
    with router:
        pass
    with pytest.raises(RouterClosed):
        use(router)


def test_it_is_started_once(toml: Path):
    """A second start of a running router raises `RouterClosed` and changes nothing."""
    with open_router(toml) as router:
        with pytest.raises(RouterClosed):
            router.start()
        assert router.send(sms()).provider == "a"


def test_its_own_thread_cannot_wait_for_itself(toml: Path):
    """An observer that calls the router back gets `RouterClosed` instead of waiting for ever."""
    raised: list[BaseException] = []

    def observer(event: object) -> None:
        for use in (router.providers, router.close):
            try:
                use()
            except RouterClosed as error:
                raised.append(error)

    router = open_router(toml, observers=[observer])
    with router:
        assert router.send(sms()).provider == "a"
    assert len(raised) > 0
    assert len(raised) % 2 == 0


def test_what_is_on_its_way_is_finished_before_the_end(toml: Path, served: ScriptedSandbox):
    """A message that has left when the router is closed gets its outcome."""
    served.script(delay(0.2, endpoint="submit"))
    router = open_router(toml)
    router.start()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(router.send, sms())
        while not served.busy():
            time.sleep(0.001)
        router.close()
        assert sending.result(timeout=5).provider == "a"


@pytest.mark.parametrize("use", [USES["send"], USES["providers"]], ids=["send", "providers"])
def test_nobody_waits_for_ever_when_it_is_closed(toml: Path, use: Use):
    """Threads that go on using the router while it is closed all end with `RouterClosed`, whatever they were at."""
    closed: list[RouterClosed] = []

    def use_on(router: SyncRouter) -> None:
        try:
            while True:
                use(router)
        except RouterClosed as error:
            closed.append(error)

    for _ in range(20):
        with open_router(toml) as router:
            users = [threading.Thread(target=use_on, args=(router,), daemon=True) for _ in range(8)]
            for user in users:
                user.start()
        for user in users:
            user.join(timeout=5)
        assert [user.is_alive() for user in users] == [False] * 8
    assert len(closed) == 20 * 8


class StuckStore(MemoryStore):
    """Never gives a record back."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    async def get(self, message_id: str) -> Record | None:
        """Wait for ever."""
        self.asked.set()
        await asyncio.Event().wait()
        return None


def test_a_call_that_cannot_end_ends_with_the_router(toml: Path):
    """A call that is stuck when the router is closed raises `RouterClosed`, and the thread is gone."""
    store = StuckStore()
    with ThreadPoolExecutor(1) as pool:
        with open_router(toml, store=store) as router:
            asking = pool.submit(router.receipt, "0" * 28)
            assert store.asked.wait(5)
        with pytest.raises(RouterClosed):
            asking.result(timeout=5)
    assert threads() == []


def test_several_threads_may_close_it(toml: Path):
    """When several threads close a router, each of them returns after it is closed."""
    with open_router(toml) as router, ThreadPoolExecutor(4) as pool:
        router.send(sms())
        assert list(pool.map(lambda _: router.close() or threads(), range(4))) == [[]] * 4


def test_who_waits_for_a_report_is_told_of_the_end(toml: Path, served: ScriptedSandbox):
    """A thread that waits for a last report when the router is closed gets `RouterClosed`."""
    served.delivery = msgspec.structs.replace(served.delivery, seconds_to_final=3600.0)
    router = open_router(toml)
    router.start()
    receipt = router.send(sms())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(router.wait, receipt.id)
        assert router.receipt(receipt.id) is not None
        router.close()
        with pytest.raises(RouterClosed):
            waiting.result(timeout=5)
