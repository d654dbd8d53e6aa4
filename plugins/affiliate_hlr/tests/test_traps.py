"""What the provider's document leads astray with, where no other test of the plugin proves the care."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from pointsman.clock import SystemClock
from pointsman.message import Money
from pointsman.outcome import Accepted, Fault, Refused
from pointsman.plugin import Batch, Multipart, Response, Secret
from pointsman.transport import Endpoint, Transport
from pointsman_affiliate_hlr.provider import AffiliateHlr, build
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_affiliate_hlr.settings import Settings

FIXTURES = Path(__file__).parent / "fixtures"

MakeBatch = Callable[..., Batch]
MakeResponse = Callable[..., Response]


@pytest.mark.trap("A01", "A02")
def test_several_lookups_are_a_flat_array_in_one_field(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """Several lookups travel as multipart with one field, a JSON array of objects that hold no other objects."""
    request = provider.submit_request(batch_of("r1", "r2"), None)

    assert isinstance(request.body, Multipart)
    ((name, written),) = request.body.fields
    expected = [
        {"msisdn": "380501000000", "reference": "r1", "tariff": 0},
        {"msisdn": "380501000001", "reference": "r2", "tariff": 0},
    ]
    assert ("payload", expected) == (name, msgspec.json.decode(str(written)))


@pytest.mark.trap("A04")
@pytest.mark.parametrize("error", ["0", 0, " 0 "], ids=repr)
def test_code_0_is_a_success_in_every_spelling(
    error: object, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """The text `0`, which is true as a condition, accepts a lookup just as the number does."""
    (outcome,) = provider.read_submit(batch_of("r1"), answered({"error": error, "id": "12123"})).value.outcomes

    assert Accepted(ids=("12123",)) == outcome


@pytest.mark.trap("A05")
def test_description_is_read_under_a_key_with_a_leading_blank(
    provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """The words under ` errorDescription` count: they tell too many requests from a bad number, both code 11."""
    entry = {"reference": "r1", "error": "11", " errorDescription": "Exceeded limit of simultaneous requests"}

    (outcome,) = provider.read_submit(batch_of("r1"), answered({"result": [entry], "error": "0"})).value.outcomes

    assert isinstance(outcome, Refused)
    assert (outcome.fault, outcome.detail) == (Fault.THROTTLED, "Exceeded limit of simultaneous requests")


@pytest.mark.trap("A07", "A08", "A15")
def test_documents_second_batch_answer_is_judged_by_its_items(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """Under a total code 0 one item was known before and costs nothing, the other is new and costs 0.002."""
    body = (FIXTURES / "affiliate_batch_dup_literal.txt").read_bytes()

    reading = provider.read_submit(batch_of("extid13423now", "extid13425"), Response(status=200, headers={}, body=body))

    price = Money(amount=Decimal("0.002"), currency="EUR")
    expected = (Accepted(ids=("12345",), duplicate=True), Accepted(ids=("12346",), price=price))
    assert expected == reading.value.outcomes


@pytest.mark.trap("A13")
def test_tariff_of_a_silent_configuration_is_sent_as_0(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """The document names two defaults, so a configuration without a tariff sends the one of the create, 0."""
    body = provider.submit_request(batch_of("r1"), None).body

    assert isinstance(body, Multipart)
    assert dict(body.fields)["tariff"] == "0"


@pytest.mark.trap("A17")
@pytest.mark.parametrize("base", ["", "/rest", "/rest/"])
async def test_base_path_is_configuration(base: str, batch_of: MakeBatch) -> None:
    """Both bases that the provider's pages show reach the interface, with and without a slash at the end."""
    batch = batch_of("r1")
    async with AffiliateSandbox() as sandbox:
        (key,) = sandbox.environment.values()
        plugin = build(Settings(api_key=Secret(key)))
        endpoint = Endpoint(base_url=sandbox.base_url.rstrip("/") + base)
        async with Transport(endpoint, SystemClock(), only_loopback=True) as transport:
            answer = (await transport.exchange(plugin.submit_request(batch, None))).result
        (request,) = sandbox.ledger.requests

    assert request.path == f"{base.rstrip('/')}/hlr/create"
    assert isinstance(answer, Response)
    assert isinstance(plugin.read_submit(batch, answer).value.outcomes[0], Accepted)
