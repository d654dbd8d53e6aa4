"""What the documents of several providers lead astray with together, proved with the real router and sandboxes."""

import json
from datetime import timedelta

import msgspec
import pytest

from pointsman.config import build_providers
from pointsman.loading import load_plugins
from pointsman.message import HlrLookup, Sms, Viber
from pointsman.outcome import Accepted, Fault, State
from pointsman.plugin import Reconciles
from pointsman.sandbox import throttle

from .bench import NUMBER, NUMBERS, Bench, configure, outcomes, path, script

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDS = ("703112828852109312", "703112828852109313", "SAR-W+84333", "SAR-GW01+79160000000-5f3b1972-2-1", "0012")


@pytest.mark.trap("A06")
async def test_what_is_left_of_a_refused_batch_keeps_its_references(bench: Bench) -> None:
    """After error 14 the good numbers are created under the references of the first request, each of them once."""
    bad = NUMBERS[1]
    bench.affiliate.bad_numbers.add(bad)
    async with bench.router("affiliate") as table:
        receipts = await table.send(*(HlrLookup(number) for number in NUMBERS[:3]))
    first, *_ = bench.affiliate.ledger.requests
    sent = {one["msisdn"]: one["reference"] for one in json.loads(dict(first.params)["payload"])}
    assert [receipt.state for receipt in receipts] == [State.RESOLVED, State.FAILED, State.RESOLVED]
    assert [sent[receipt.to] for receipt in receipts] == [receipt.attempts[0].ref for receipt in receipts]
    assert len(bench.affiliate.ledger.messages) == 2


@pytest.mark.trap("A10")
async def test_a_lookup_is_answered_although_nobody_calls_back(bench: Bench) -> None:
    """Results are asked for, so a callback that goes astray costs nothing."""
    async with bench.router("affiliate") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert bench.affiliate.callbacks_sent == []
    assert receipt.state is State.RESOLVED


@pytest.mark.trap("A14")
async def test_two_lookups_of_one_number_are_both_served(bench: Bench) -> None:
    """Two callers who ask about one number together get a lookup each, under references and ids of their own."""
    async with bench.router("affiliate") as table:
        receipts = await table.send(HlrLookup(NUMBER), HlrLookup(NUMBER))
    assert [receipt.state for receipt in receipts] == [State.RESOLVED] * 2
    assert len({outcome.ids for outcome in outcomes(receipts, "affiliate")}) == 2


@pytest.mark.trap("X01")
@pytest.mark.parametrize(
    ("account", "kind", "name", "expected"),
    [
        ("devino", Sms, "Validity", "2"),
        ("smstele", Sms, "validity", None),
        ("smstele_minutes", Sms, "validity", "2"),
        ("smstele", Viber, "viber_validity", "90"),
        ("smstele_minutes", Viber, "viber_validity", "90"),
    ],
)
async def test_a_life_is_told_in_the_unit_of_the_provider(
    bench: Bench, account: str, kind: type[Sms | Viber], name: str, expected: str | None
) -> None:
    """Ninety seconds are two minutes for Devino, 90 for Viber, and nothing where the document names no unit."""
    async with bench.router(account) as table:
        await table.send(kind(NUMBER, "Code 1234", ttl=timedelta(seconds=90)))
    submits = [dict(request.params) for request in bench.box_of(account).ledger.requests]
    (submit,) = [params for params in submits if {"Data", "mes"} & set(params)]
    assert expected == submit.get(name)


@pytest.mark.trap("X02")
async def test_ids_survive_json_unchanged() -> None:
    """Long digits, leading zeros and plus signs come back from JSON as they went in."""
    accepted = Accepted(ids=IDS)
    assert accepted == msgspec.json.decode(msgspec.json.encode(accepted), type=Accepted)


@pytest.mark.trap("X02")
@pytest.mark.parametrize(
    ("account", "reconciles", "repeats"),
    [("affiliate", True, True), ("smstele", True, False), ("devino", False, False)],
)
async def test_only_what_a_reference_is_worth_is_declared(account: str, reconciles: bool, repeats: bool) -> None:
    """A repeated reference is safe at one provider, a question settles a doubt at another, nothing at the third."""
    secrets = dict.fromkeys(("DEVINO_LOGIN", "DEVINO_PASSWORD", "SMSTELE_LOGIN", "SMSTELE_PASSWORD"), "x")
    urls = dict.fromkeys(("devino", "smstele", "affiliate_hlr"), "http://127.0.0.1:1")
    plugins = load_plugins()
    config = configure((account,), urls, {**secrets, "AFFILIATE_KEY": "live_x"})
    provider = build_providers(config, plugins)[account]
    assert reconciles is isinstance(provider, Reconciles)
    assert {repeats} == {limits.repeat_safe for limits in provider.profile.channels.values()}
    assert {repeats} >= {one.repeats for one in provider.profile.reconciling.values()}


@pytest.mark.trap("X05")
async def test_a_proxy_that_names_a_time_has_taken_nothing(bench: Bench) -> None:
    """503 with Retry-After is a definite no with a time to wait, not a doubt."""
    async with bench.router("devino") as table:
        script(bench.devino, throttle(3, status=503), "Sms/Send*", 1)
        (receipt,) = await table.send(Sms(NUMBER, "Hello"))
    (refused, accepted) = outcomes([receipt], "devino")
    assert (refused.fault, refused.retry_after) == (Fault.THROTTLED, 3)
    assert isinstance(accepted, Accepted)
    assert path(receipt) == ("devino", "devino")
