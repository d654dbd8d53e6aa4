"""The scripted provider: what a router makes of each step, and what the sandbox tells of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from pointsman.config import parse_config
from pointsman.events import Operation
from pointsman.loading import load_plugins
from pointsman.message import HlrLookup, Money, Sms
from pointsman.outcome import Accepted, Fault, LookupState, Outcome, Refused, State, Unknown, UnknownReason
from pointsman.plugin import Callback
from pointsman.router import Router
from pointsman.sandbox import Fate
from pointsman.testing import (
    SCRIPTED,
    FakeClock,
    Refusal,
    ScriptedSandbox,
    Step,
    answer_status,
    cut_short,
    expire,
    garble,
    hang,
    hang_up,
    normal,
    refuse,
    take_late,
)

NUMBER = "79161234567"


@pytest.fixture
async def sandbox() -> AsyncIterator[ScriptedSandbox]:
    """A running provider on a clock that stands still."""
    async with ScriptedSandbox(clock=FakeClock(), price=Decimal("0.10")) as running:
        yield running


@asynccontextmanager
async def routing(sandbox: ScriptedSandbox, **keys: Any) -> AsyncIterator[Router]:
    """Run a router over one account, which allows a single attempt."""
    lines = ["[providers.only]", 'plugin = "scripted"', f'base_url = "{sandbox.base_url}"', 'read_timeout = "100ms"']
    lines += [f"{key} = {value}" for key, value in keys.items()]
    lines += ["[policies.default]", "max_attempts = 1", "[[routes]]", 'name = "all"', 'providers = ["only"]']
    lines += ['on_unknown = "reconcile"']
    plugins = load_plugins([SCRIPTED], entry_points=False)
    clock = sandbox.clock
    assert isinstance(clock, FakeClock)
    config = parse_config("\n".join(lines), plugins=plugins, env={})
    router = Router(config, plugins=plugins, clock=clock, only_loopback=True)
    async with clock.autojump(sandbox.busy), router:
        yield router


def unknown(reason: UnknownReason) -> Unknown:
    """Return an unknown outcome as far as it matters here."""
    return Unknown(reason=reason)


@pytest.mark.parametrize(
    ("step", "outcome", "copies"),
    [
        (normal(), Accepted(ids=("m1",)), 1),
        *[(refuse(fault), Refused(fault=fault), 0) for fault in Fault if fault is not Fault.NO_ROUTE],
        (answer_status(400), Refused(fault=Fault.REQUEST), 0),
        (answer_status(503), Refused(fault=Fault.UNAVAILABLE), 0),
        (answer_status(500), unknown(UnknownReason.GATEWAY), 0),
        (answer_status(502, taken=True), unknown(UnknownReason.GATEWAY), 1),
        (garble(taken=False), unknown(UnknownReason.UNREADABLE), 0),
        (garble(taken=True), unknown(UnknownReason.UNREADABLE), 1),
        (hang_up(taken=False), unknown(UnknownReason.DISCONNECTED), 0),
        (hang_up(taken=True), unknown(UnknownReason.DISCONNECTED), 1),
        (cut_short(), unknown(UnknownReason.DISCONNECTED), 1),
        (hang(taken=False), unknown(UnknownReason.TIMEOUT), 0),
        (hang(taken=True), unknown(UnknownReason.TIMEOUT), 1),
        (expire(), Refused(fault=Fault.CREDENTIALS), 0),
    ],
)
async def test_every_step_does_what_it_says(
    sandbox: ScriptedSandbox, step: Step, outcome: Outcome, copies: int
) -> None:
    """One step, one attempt: what the router is told, and what really happened."""
    sandbox.script(step)
    async with routing(sandbox) as router:
        receipt = await router.send(Sms(NUMBER, "hello"))
    told = receipt.attempts[0].outcome

    assert type(told) is type(outcome)
    assert (getattr(told, "fault", None), getattr(told, "reason", None)) == (
        getattr(outcome, "fault", None),
        getattr(outcome, "reason", None),
    )
    assert len(sandbox.copies(receipt.id)) == copies


async def test_a_script_is_used_up_in_its_order(sandbox: ScriptedSandbox) -> None:
    """Steps of one operation follow each other; after the last one everything is accepted again."""
    sandbox.script(refuse(Fault.LIMIT), normal(), refuse(Fault.CONTENT))
    async with routing(sandbox) as router:
        states = [(await router.send(Sms(NUMBER, f"text {place}"))).state for place in range(5)]

    assert states == [State.FAILED, State.SENT, State.FAILED, State.SENT, State.SENT]


async def test_a_script_concerns_one_operation(sandbox: ScriptedSandbox) -> None:
    """A step for the login leaves submits alone, and the other way round."""
    sandbox.script(refuse(Fault.CREDENTIALS, on=Operation.LOGIN), refuse(Fault.LIMIT))
    async with routing(sandbox, needs_login="true") as router:
        first = await router.send(Sms(NUMBER, "hello"))
    faults = [one.outcome.fault for one in first.attempts if isinstance(one.outcome, Refused)]

    assert faults == [Fault.CREDENTIALS]
    assert [seen.operation for seen in sandbox.seen] == [Operation.LOGIN]


async def test_a_session_that_ends_is_renewed(sandbox: ScriptedSandbox) -> None:
    """When the sandbox forgets its sessions, the next request is told so and repeated after a login."""
    async with routing(sandbox, needs_login="true") as router:
        await router.send(Sms(NUMBER, "first"))
        sandbox.expire_sessions()
        receipt = await router.send(Sms(NUMBER, "second"))

    assert (receipt.state, receipt.attempts[0].calls) == (State.SENT, 2)
    assert [seen.operation.value for seen in sandbox.seen] == ["login", "submit", "submit", "login", "submit"]


@pytest.mark.parametrize(
    ("reconcile", "step", "state"),
    [
        ("query", hang_up(taken=True), State.SENT),
        ("query", hang_up(taken=False), State.FAILED),
        ("query", take_late(), State.SENT),
        ("repeat", hang_up(taken=True), State.SENT),
        ("repeat", hang_up(taken=False), State.SENT),
        ("repeat", take_late(), State.SENT),
        ("none", hang_up(taken=True), State.UNKNOWN),
    ],
)
async def test_reconciling_finds_out(sandbox: ScriptedSandbox, reconcile: str, step: Step, state: State) -> None:
    """By asking, by repeating or not at all: what a doubt turns out to be, and never a second copy."""
    sandbox.script(step)
    async with routing(sandbox, reconcile=f'"{reconcile}"') as router:
        receipt = await router.send(Sms(NUMBER, "hello"))

    assert receipt.state is state
    assert len(sandbox.copies(receipt.id)) <= 1


@pytest.mark.parametrize("names_culprits", [True, False])
async def test_a_number_can_be_bad(sandbox: ScriptedSandbox, names_culprits: bool) -> None:
    """Its message is refused and the others in the request are not, whether or not the sandbox says which it was."""
    sandbox.numbers["79160000003"] = Refusal(certain=True)
    sandbox.names_culprits = names_culprits
    async with routing(sandbox, bulk=4) as router:
        receipts = await router.send_many([Sms(f"7916000000{place}", "hello") for place in range(4)])

    assert [receipt.state for receipt in receipts] == [State.SENT] * 3 + [State.FAILED]
    assert len(sandbox.seen) == (1 if names_culprits else 5)


@pytest.mark.parametrize(
    ("fate", "state"),
    [(Fate.DELIVERED, State.DELIVERED), (Fate.UNDELIVERED, State.UNDELIVERED), (Fate.EXPIRED, State.EXPIRED)],
)
async def test_reports_are_told_when_asked(sandbox: ScriptedSandbox, fate: Fate, state: State) -> None:
    """Polls bring the end that was scripted for the number."""
    sandbox.outcomes[NUMBER] = fate
    async with routing(sandbox, tells_reports="true") as router:
        assert (await router.send(Sms(NUMBER, "hello"), until_final=True)).state is state


async def test_lookups_are_answered(sandbox: ScriptedSandbox) -> None:
    """A lookup has the result that was scripted for the number."""
    sandbox.outcomes[NUMBER] = Fate.ABSENT
    async with routing(sandbox, tells_reports="true") as router:
        receipt = await router.send(HlrLookup(NUMBER))

    assert receipt.lookup is not None
    assert (receipt.state, receipt.lookup.state) == (State.RESOLVED, LookupState.ABSENT)


async def test_reports_can_be_pushed(sandbox: ScriptedSandbox) -> None:
    """A callback holds the same reports as the answer to a poll."""
    async with routing(sandbox) as router:
        receipt = await router.send(Sms(NUMBER, "hello"))
        news = b'{"reports": [{"id": "m1", "state": "delivered", "final": true}]}'
        await router.callback("only", Callback(method="POST", body=news))
        after = await router.receipt(receipt.id)

    assert after is not None
    assert after.state is State.DELIVERED


@pytest.mark.parametrize(
    "more",
    ['"lookup":"reachable"', '"price":"x"', '"price":"NaN"'],
)
async def test_a_callback_leaves_out_what_is_no_report(sandbox: ScriptedSandbox, more: str) -> None:
    """Anybody may write a callback: a report that contradicts itself is left out, the one beside it counts."""
    async with routing(sandbox) as router:
        receipt = await router.send(Sms(to=NUMBER, text="hello"))
        (provider_id,) = receipt.attempts[0].outcome.ids
        odd = f'{{"id":"{provider_id}","state":"expired","final":true,{more}}}'
        good = f'{{"id":"{provider_id}","state":"delivered","final":true}}'
        reply = await router.callback("only", Callback(method="POST", body=f'{{"reports":[{odd},{good}]}}'.encode()))
        assert reply.status == 200
        assert (await router.receipt(receipt.id)).state is State.DELIVERED


@pytest.mark.parametrize(("tells", "balance"), [(True, Money(Decimal(1000), "EUR")), (False, None)])
async def test_the_balance_is_told_if_it_is_told(sandbox: ScriptedSandbox, tells: bool, balance: Money | None) -> None:
    """An account may tell what is left of its money, or that it does not tell."""
    sandbox.tells_balance = tells
    async with routing(sandbox, tells_balance="true") as router:
        (status,) = router.providers()

    assert status.balance == balance


async def test_what_is_charged_is_told(sandbox: ScriptedSandbox) -> None:
    """Two segments cost twice the price of one, and a sandbox without money refuses for want of it."""
    sandbox.account.spend(Decimal("999.75"))
    async with routing(sandbox) as router:
        first = await router.send(Sms(NUMBER, "x" * 161))
        second = await router.send(Sms(NUMBER, "hello"))
    refused = second.attempts[0].outcome

    assert first.attempts[0].price == Money(Decimal("0.20"), "EUR")
    assert isinstance(refused, Refused)
    assert refused.fault is Fault.CREDITS


async def test_a_reset_forgets_everything(sandbox: ScriptedSandbox) -> None:
    """After it the sandbox is as new: no script, no numbers, no requests."""
    sandbox.script(refuse(Fault.LIMIT))
    sandbox.numbers[NUMBER] = Refusal()
    sandbox.names_culprits = False
    async with routing(sandbox) as router:
        await router.send(Sms(NUMBER, "hello"))
        sandbox.reset()
        receipt = await router.send(Sms(NUMBER, "hello"))

    assert receipt.state is State.SENT
    assert (len(sandbox.seen), sandbox.names_culprits) == (1, True)
