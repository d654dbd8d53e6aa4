"""The toy provider: alone, as values, and behind a router, against its own sandbox."""

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from pointsman import Fault, Msisdn, Network, Refused, Router, Sms, State, Unknown
from pointsman.message import Channel
from pointsman.plugin import Batch, Choice, Each, Response, Secret, SessionExpired, Submission, Whole
from pointsman.routing.candidate import Reason
from pointsman.sandbox import faults
from pointsman.testing import sample_offers, strategy_problems
from pointsman_toy.faults import FAULTS, judge
from pointsman_toy.provider import Toy
from pointsman_toy.sandbox import STATUS, ToySandbox
from pointsman_toy.settings import ToySettings
from pointsman_toy.strategy import ENOUGH, rank

T = TypeVar("T")
CONFIG = """
[providers.toy]
plugin = "toy"
base_url = "{base_url}"
key = {{ env = "TOY_KEY" }}
poll = {{ first = "20ms" }}
"""
POLICY = """
[providers.dear]
plugin = "toy"
base_url = "http://127.0.0.1:9"
key = { env = "TOY_KEY" }
prices = [{ country = "RU", channel = "sms", price = "9" }]

[policies.default]
strategy = "careful"
"""
READER = Toy(ToySettings(key=Secret("any")))
BATCH = Batch(
    ref="r",
    channel=Channel.SMS,
    items=tuple(
        Submission(
            ref=f"r{number}",
            message=Sms(to="+79161234567", text="hi"),
            to=Msisdn("79161234567"),
            network=Network(),
            segments=None,
            sender=None,
            ttl=None,
        )
        for number in range(2)
    ),
)


def answer(body: str, status: int = 200) -> Response:
    """Return an answer of the provider."""
    return Response(status=status, body=body.encode())


def test_every_message_of_a_batch_has_its_own_outcome() -> None:
    """An answer with one id and one error is one accepted and one refused message, in their order."""
    reading = READER.read_submit(BATCH, answer('{"items": [{"id": "t1"}, {"error": "no_money"}]}'))

    assert isinstance(reading.value, Each)
    accepted, refused = reading.value.outcomes
    assert accepted.ids == ("t1",)
    assert refused == Refused(fault=Fault.CREDITS, code="no_money")


@pytest.mark.parametrize(
    "body", ["", "<html>", '{"items": []}', '{"items": [{"id": "t1"}', '{"error": "never heard of"}']
)
def test_what_cannot_be_read_is_unknown(body: str) -> None:
    """An answer that says nothing certain about each message is neither a success nor a refusal."""
    value = READER.read_submit(BATCH, answer(body)).value

    assert isinstance(value, Whole)
    assert isinstance(value.outcome, Unknown)


def test_expired_session_is_not_an_outcome() -> None:
    """The engine logs in again and repeats the request by itself; the plugin only says so."""
    value = READER.read_submit(BATCH, answer('{"error": "no_session"}', 401)).value

    assert value == SessionExpired(code="no_session")


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.code)
def test_table_says_what_is_read(row) -> None:
    """Each code of the table leads to the fault that the table names."""
    outcome = judge(row.code)

    assert getattr(outcome, "fault", None) == row.fault


@pytest.fixture
async def sandbox() -> AsyncIterator[ToySandbox]:
    """The provider on this machine."""
    async with ToySandbox() as running:
        yield running


@pytest.fixture
async def router(sandbox: ToySandbox, toy_installed: None, tmp_path: Path) -> AsyncIterator[Router]:
    """A router that knows this provider and nobody else."""
    config = tmp_path / "router.toml"
    config.write_text(CONFIG.format(base_url=sandbox.base_url))
    async with Router.from_toml(config, env=sandbox.environment, only_loopback=True) as router:
        yield router


async def test_message_is_delivered(router: Router, sandbox: ToySandbox) -> None:
    """A message goes out once, costs what the provider says, and ends as delivered."""
    receipt = await router.send(Sms(to="+79161234567", text="hello"))
    sandbox.clock.advance(60)
    receipt = await router.wait(receipt.id)

    assert receipt.state is State.DELIVERED
    assert str(receipt.attempts[0].price) == "0.02 EUR"
    assert len(sandbox.ledger.messages) == 1


async def test_lost_answer_is_cleared_up(router: Router, sandbox: ToySandbox) -> None:
    """When the provider takes a message and hangs up, asking by reference finds it; it is not sent again."""
    sandbox.faults.add(faults.close_after_accept(endpoint="messages"))
    receipt = await router.send(Sms(to="+79161234567", text="hello"))

    (attempt,) = receipt.attempts
    assert isinstance(attempt.first_unknown, Unknown)
    assert receipt.provider == "toy"
    assert len(sandbox.ledger.messages) == 1


@pytest.mark.parametrize("code", sorted(set(STATUS) - {"no_session", "busy"}))
async def test_codes_of_the_sandbox_reach_the_receipt(router: Router, sandbox: ToySandbox, code: str) -> None:
    """What the provider refuses arrives with its own code, and nothing was sent."""
    sandbox.faults.add(faults.error(code, endpoint="messages", times=None))
    receipt = await router.send(Sms(to="+79161234567", text="hello"))

    assert receipt.state is State.FAILED
    assert receipt.reason is not None
    assert receipt.reason.code == code
    assert sandbox.ledger.messages == []


async def test_inbox_is_read(router: Router, sandbox: ToySandbox) -> None:
    """What somebody sent to us is returned once, although the provider counts both ends of a window in."""
    sandbox.receive("79161234567", "STOP")
    now = datetime.now(UTC)
    (letter,) = await asked(router.inbox("toy", since=now - timedelta(days=40), until=now + timedelta(days=1)))

    assert (letter.sender, letter.to, letter.text) == ("79161234567", "TOY", "STOP")
    assert sandbox.ledger.calls["inbox"] == 2


async def test_figures_and_prices_are_told(router: Router, sandbox: ToySandbox) -> None:
    """The provider's figures are passed on, and a price of its list that is not in ours is said."""
    await router.send(Sms(to="+79161234567", text="hello"))
    now = datetime.now(UTC)
    told = await asked(router.statistics("toy", since=now - timedelta(days=1), until=now + timedelta(days=1)))
    (line,) = await asked(router.prices("toy"))

    assert (told.sums.sent, told.sums.errors) == (1, None)
    assert (str(line.quote.price), line.ours, line.standing) == ("0.02 EUR", None, "unlisted")


def test_strategy_keeps_its_contract() -> None:
    """Whatever the offers are, the strategy orders all of them, and alike each time."""
    assert strategy_problems(rank, Random(1)) == ()


def test_strategy_is_careful() -> None:
    """The cheapest that delivers comes first, and one that loses messages last, however cheap it is."""
    ranked = rank(sample_offers(Random(1), 60), Choice(random=Random(1)))
    good = [one for one in ranked if one.chance >= ENOUGH and one.price is not None]

    assert ranked[: len(good)] == good
    assert good == sorted(good, key=lambda one: one.price or 0.0)
    assert 0 < len(good) < len(ranked)


async def test_strategy_is_chosen_by_name(sandbox: ToySandbox, toy_installed: None, tmp_path: Path) -> None:
    """Installed, the package's strategy can be named in `router.toml`, and its order is used."""
    config = tmp_path / "router.toml"
    config.write_text(CONFIG.format(base_url=sandbox.base_url) + POLICY)
    async with Router.from_toml(config, env=sandbox.environment, only_loopback=True) as router:
        decision = router.explain(Sms(to="+79161234567", text="hello"))

    assert (decision.strategy, decision.reason) == ("careful", Reason.PLUGIN)
    assert [one.candidate.provider for one in decision.ranking] == ["dear", "toy"]  # a price that is unknown is none


async def asked(question: Awaitable[T | Refused]) -> T:
    """Return an answer; fails for a refusal."""
    answer = await question
    assert not isinstance(answer, Refused)
    return answer
