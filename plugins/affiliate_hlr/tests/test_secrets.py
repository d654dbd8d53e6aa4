"""Nothing that gives access shows anywhere: neither the key nor the token in our callback address."""

from collections.abc import Callable

import msgspec
import pytest

from pointsman.clock import SystemClock
from pointsman.message import Channel, Msisdn
from pointsman.outcome import LookupState
from pointsman.plugin import Batch, Callback, Multipart, Oddity, Request, Response, Secret, Tracked
from pointsman.transport import Endpoint, Transport
from pointsman_affiliate_hlr.provider import AffiliateHlr, build
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_affiliate_hlr.settings import Settings

MakeBatch = Callable[..., Batch]
MakeResponse = Callable[..., Response]

TOKEN = "s3cret-token"
URL = f"https://shop.example/v1/callbacks/hlr/{TOKEN}"


def addresses(request: Request) -> list[str]:
    """Return the callback addresses that a request carries, as the provider reads them."""
    assert isinstance(request.body, Multipart)
    fields = {name: held.reveal() if isinstance(held, Secret) else held for name, held in request.body.fields}
    entries = msgspec.json.decode(fields["payload"]) if "payload" in fields else [fields]
    return [entry["callback_url"] for entry in entries]


@pytest.mark.trap("A10")
@pytest.mark.parametrize("refs", [("r1",), ("r1", "r2")], ids=["fields", "payload"])
def test_callback_address_shows_nowhere(
    refs: tuple[str, ...], provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """The address travels, and no repr of batch, request, repeat or reading holds its token."""
    batch = batch_of(*refs, callback_url=URL)
    request = provider.submit_request(batch, None)
    again = provider.read_submit(batch, answered(b"", 405))

    shown = repr((batch, request, again, provider.reconcile_request(batch, None)))

    assert all(TOKEN in address for address in addresses(request) + addresses(again.value.request))
    assert TOKEN not in shown
    assert "live_example" not in shown


@pytest.mark.trap("A10")
def test_payload_without_an_address_is_legible(provider: AffiliateHlr, batch_of: MakeBatch) -> None:
    """Only an address makes the array secret: without one it can be read in a log of requests."""
    body = provider.submit_request(batch_of("r1", "r2"), None).body

    assert isinstance(body, Multipart)
    assert isinstance(dict(body.fields)["payload"], str)


@pytest.mark.trap("A10")
@pytest.mark.parametrize(
    "words",
    [
        f"Incorrect callback_url: {URL}?our_ref=r1",
        f"Incorrect callback_url {URL.upper()}",
        "Incorrect API key live_example",
        "test_example is no key",
    ],
)
@pytest.mark.parametrize("name", ["errorDescription", "message", "errors"])
def test_provider_that_repeats_our_secrets_is_not_repeated(
    name: str, words: str, provider: AffiliateHlr, batch_of: MakeBatch, answered: MakeResponse
) -> None:
    """The description of an error becomes part of receipts and logs, without addresses and keys."""
    told = {"callback_url": [words]} if name == "errors" else words

    refused = provider.read_submit(batch_of("r1"), answered({"error": "7", name: told})).value.outcome

    assert "***" in refused.detail
    assert TOKEN not in refused.detail.lower()
    assert "example" not in refused.detail


@pytest.mark.trap("A10")
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, f"{URL}?our_ref=r1"),
        (f"{URL}?id=1", f"{URL}?id=1&our_ref=r1"),
        (f"{URL}#top", f"{URL}?our_ref=r1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080?our_ref=r1"),
    ],
)
def test_every_lookup_has_an_address_of_its_own(
    url: str, expected: str, provider: AffiliateHlr, batch_of: MakeBatch
) -> None:
    """The address of each lookup holds the reference of that lookup, which nobody else can guess."""
    alone = provider.submit_request(batch_of("r1", callback_url=url), None)
    several = provider.submit_request(batch_of("r1", "r2", callback_url=url), None)

    assert addresses(alone) == [expected]
    assert addresses(several) == [expected, expected.replace("r1", "r2")]


@pytest.mark.trap("A10", "A11")
@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"status": "active"}, ("reference/r1", "r1")),
        ({"status": "active", "id": "7"}, ("7", "r1")),
        ({"STATUS": "active", "Reference": "r1"}, ("reference/r1", "r1")),
        ({"status": "active", "reference": "not a reference!"}, ("reference/r1", "r1")),
        ({"status": "active", "reference": "r2", "id": "7"}, None),
    ],
)
def test_address_says_which_lookup_a_callback_is_about(
    said: dict[str, str], named: tuple[str, str] | None, provider: AffiliateHlr
) -> None:
    """A result without a reference is that of the address; one that names another lookup there is not used."""
    token = ("our_ref", "r1")
    pushed = Callback(method="GET", query=(token, *said.items()))
    posted = Callback(method="POST", query=(token,), content_type="application/json", body=msgspec.json.encode(said))

    for reading in (provider.read_callback(pushed), provider.read_callback(posted)):
        assert [(report.provider_id, report.reference) for report in reading.value] == ([named] if named else [])
        assert reading.oddities == (() if named else (Oddity.FOREIGN_ID,))


@pytest.mark.trap("A10", "A11")
def test_address_says_nothing_about_several_results(provider: AffiliateHlr) -> None:
    """Where one call brings several results, each is known by its own id only."""
    body = b'[{"id":"7","status":"active"},{"id":"8","status":"absent"},{"status":"failed"}]'

    reading = provider.read_callback(Callback(method="POST", query=(("our_ref", "r1"),), body=body))

    assert [(one.provider_id, one.reference) for one in reading.value] == [("7", None), ("8", None)]
    assert reading.oddities == ()


@pytest.mark.trap("A10")
async def test_result_is_there_although_the_address_was_replaced(batch_of: MakeBatch) -> None:
    """Where the provider uses the account's address without a word, the status query still tells the result."""
    batch = batch_of("r1", callback_url="http://127.0.0.1:1/gone")
    async with AffiliateSandbox() as sandbox:
        (key,) = sandbox.environment.values()
        plugin = build(Settings(api_key=Secret(key)))
        async with Transport(Endpoint(base_url=sandbox.base_url), SystemClock(), only_loopback=True) as transport:
            await transport.exchange(plugin.submit_request(batch, None))
            sandbox.clock.advance(5)
            asked = (Tracked(ids=(), to=Msisdn("380501000000"), channel=Channel.HLR, accepted_at=0.0, ref="r1"),)
            answer = (await transport.exchange(plugin.poll_request(asked, None))).result
        request = sandbox.ledger.requests[0]

    assert isinstance(answer, Response)
    assert [report.lookup.state for report in plugin.read_poll(asked, answer).value] == [LookupState.REACHABLE]
    assert ("callback_url", "http://127.0.0.1:1/gone?our_ref=r1") in request.params
