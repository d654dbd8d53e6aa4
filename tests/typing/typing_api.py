"""Never run: the type checker reads it, so that the public names keep the types that callers rely on."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never, assert_type

from pointsman import (
    Accepted,
    Attempt,
    Channel,
    Fault,
    HlrLookup,
    InboxCursor,
    InvalidMessage,
    InvalidMessages,
    LookupResult,
    Message,
    MessageClass,
    Money,
    Outcome,
    Receipt,
    Refused,
    Router,
    Sms,
    State,
    SyncRouter,
    Unknown,
    Viber,
)
from pointsman.config import Config
from pointsman.engine.answers import Figures
from pointsman.events import Called, Event
from pointsman.outcome import Report
from pointsman.plugin import AnyProviderPlugin, Incoming, ProviderPlugin
from pointsman.routing.drift import Comparison
from pointsman.sandbox import Sandbox
from pointsman.store import MemoryStore, Store
from pointsman.telemetry import Labels, LogObserver, Masker, MetricsObserver, ThreadSink, build_logger
from pointsman.testing import SCRIPTED, FakeClock, ScriptedSandbox, ScriptedSettings


async def embed(sink: ThreadSink, env: Mapping[str, str]) -> None:
    """Embedding, with everything that it gives back."""
    router = Router.from_toml("router.toml", env=env, store=MemoryStore(keep=10), clock=FakeClock())
    assert_type(router, Router)
    assert_type(router.config, Config)
    router.observe(MetricsObserver(Labels(providers=frozenset(router.config.providers)), "1.0"))
    router.observe(LogObserver(build_logger(sink), Masker()))
    async with router:
        receipt = await router.send(Sms(to="+79161234567", text="hi", message_class=MessageClass.OTP))
        assert_type(receipt, Receipt)
        assert_type(receipt.state, State)
        assert_type(receipt.provider, str | None)
        assert_type(receipt.attempts, tuple[Attempt, ...])
        assert_type(receipt.reason, Refused | None)
        assert_type(await router.submit(Sms(to="+79161234567", text="hi")), Receipt)
        assert_type(receipt.due, float | None)
        assert_type(await router.send_many([HlrLookup(to="1"), Viber(to="1", text="hi")]), list[Receipt])
        assert_type(await router.lookup("+79161234567", max_age=timedelta(days=1)), LookupResult | None)
        assert_type(await router.receipt(receipt.id), Receipt | None)
        assert_type(await router.wait(receipt.id), Receipt)
        assert_type(await router.cancel(receipt.id), bool)
        assert_type(await router.referred("shop", "r1"), tuple[Receipt, ...])
        assert_type(router.backlog(), Mapping[MessageClass, int])
        assert_type([status.name for status in router.providers()], list[str])
        chosen = router.explain(Sms(to="1", text="hi")).chosen
        assert_type(chosen.total if chosen is not None else None, Money | None)


def embed_without_a_loop(message: Message) -> Receipt:
    """The same without an event loop."""
    with SyncRouter.from_toml("router.toml") as router:
        assert_type(router, SyncRouter)
        assert_type(router.lookup("+79161234567"), LookupResult | None)
        assert_type(router.submit(message), Receipt)
        assert_type(router.send_many([message]), list[Receipt])
        return router.send(message)


async def ask(router: Router, since: datetime) -> InboxCursor:
    """Questions to providers: a refusal is a result."""
    assert_type(await router.inbox("a", since=since, until=since), tuple[Incoming, ...] | Refused)
    assert_type(await router.statistics("a", since=since, until=since), Figures | Refused)
    assert_type(await router.prices("a"), tuple[Comparison, ...] | Refused)
    assert_type(await router.status("a", ["1"], to="1", channel=Channel.HLR), tuple[Report, ...] | Refused)
    cursor = InboxCursor.starting(since)
    match await router.incoming("a", cursor):
        case Refused(fault=fault):
            assert_type(fault, Fault)
        case (messages, cursor):
            assert_type(messages, tuple[Incoming, ...])
    return cursor


def words(outcome: Outcome) -> str:
    """Outcomes are a closed set: a new kind is a type error here."""
    match outcome:
        case Accepted(ids=ids, price=price):
            assert_type(ids, tuple[str, ...])
            assert_type(price, Money | None)
            return "accepted"
        case Refused(fault=fault, code=code):
            assert_type(code, str | None)
            return fault.value
        case Unknown(reason=reason):
            return reason.value
        case _:
            assert_never(outcome)


def problems(error: InvalidMessage | InvalidMessages) -> list[str]:
    """Errors tell what is wrong in fields of their own."""
    if isinstance(error, InvalidMessage):
        return [error.field, error.problem]
    return [f"{place} {problem.field}" for place, problem in error.problems]


def price(money: Money) -> Decimal:
    """Money is exact."""
    return money.amount


def watch(event: Event) -> None:
    """An observer is any function of an event."""
    if isinstance(event, Called):
        assert_type(event.duration, float)


OBSERVER: Callable[[Event], None] = watch
STORE: Store = MemoryStore()
PLUGIN: AnyProviderPlugin = SCRIPTED
TYPED_PLUGIN: ProviderPlugin[ScriptedSettings] = SCRIPTED
SANDBOX: Sandbox = ScriptedSandbox()
