"""`bsg-nodejs`, a client of the API of which affiliate-sms.com is a white label, gets along with the sandbox.

It sends a JSON array even for one lookup, and calls it `multipart/form-data` without a boundary. Its address is part of
its code, so its HTTP library is replaced by one that sends everything to the sandbox.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from pointsman.sandbox import Fate
from pointsman.testing import FakeClock
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox

from .running import HERE, Client, Raised, client, needed, output, unavailable

FOLDER = HERE / "bsg"
MANIFEST = ("package.json", "package-lock.json", ".npmrc")
NUMBER = "380972920000"

pytestmark = pytest.mark.timeout(400)  # the first run fetches the client


async def installed() -> Path:
    """Return where the client is installed, once for each content of its lock; later runs need no network."""
    npm = needed("npm", "npm")
    content = b"".join((FOLDER / name).read_bytes() for name in MANIFEST)
    target = FOLDER / ".installed" / hashlib.sha256(content).hexdigest()[:16]
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        for name in MANIFEST:
            shutil.copy(FOLDER / name, work)
        status, _, errors = await output(npm, "ci", "--loglevel=error", env=os.environ, cwd=work)
        if status != 0:
            unavailable(f"npm could not install bsg-nodejs: {' '.join(errors.split())[:200] or f'status {status}'}")
        keep(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def keep(work: Path, target: Path) -> None:
    """Put an installation in its place, unless another process of this run was quicker."""
    try:
        work.rename(target)
    except OSError:
        if not target.exists():
            raise


@pytest.fixture
async def foreign(affiliate: AffiliateSandbox, env: dict[str, str]) -> AsyncIterator[Client]:
    """The client, sent to the sandbox."""
    node = needed("node", "nodejs")
    folder = await installed()
    key = affiliate.environment["AFFILIATE_KEY"]
    async with client(node, str(FOLDER / "calls.js"), str(folder), affiliate.origin, key, env=env) as running:
        yield running


def wanted(reference: str, msisdn: str = NUMBER) -> dict[str, object]:
    """Return a lookup as the client takes it."""
    return {"msisdn": msisdn, "reference": reference, "tariff": 0}


@pytest.mark.trap("A01", "A17")
async def test_one_lookup_comes_as_an_array(foreign: Client, affiliate: AffiliateSandbox) -> None:
    """One lookup is created below `/rest` from raw JSON under a multipart header without boundary."""
    answer = await foreign.ask("createHLR", wanted("one1"))

    [lookup] = affiliate.ledger.messages
    [request] = affiliate.ledger.requests
    assert (request.method, request.path) == ("POST", "/rest/hlr/create")
    assert request.headers["content-type"] == "multipart/form-data"
    assert answer["error"] == "0"
    assert [(one["reference"], one["id"], one["error"]) for one in answer["result"]] == [("one1", lookup.id, "0")]


async def test_a_batch_is_answered_item_by_item(foreign: Client, affiliate: AffiliateSandbox) -> None:
    """Two lookups of one number have two ids, and the total is the sum of their prices."""
    answer = await foreign.ask("createHLR", [wanted("many1"), wanted("many2")])

    assert [one["id"] for one in answer["result"]] == [one.id for one in affiliate.ledger.messages]
    assert sum(Decimal(one["price"]) for one in answer["result"]) == Decimal(answer["totalprice"])


@pytest.mark.trap("A07", "A08")
async def test_a_repeated_reference_is_error_13_with_the_first_id(foreign: Client, affiliate: AffiliateSandbox) -> None:
    """The repeated item carries the id of the first lookup and costs nothing; its neighbour is created."""
    first = await foreign.ask("createHLR", wanted("twice1"))
    answer = await foreign.ask("createHLR", [wanted("twice1"), wanted("fresh1")])

    repeated, fresh = answer["result"]
    assert (repeated["error"], repeated["errorDescription"]) == ("13", "HLR already exists")
    assert repeated["id"] == first["result"][0]["id"]
    assert (answer["error"], answer["totalprice"]) == ("0", fresh["price"])
    assert [one.reference for one in affiliate.ledger.messages] == ["twice1", "fresh1"]


async def test_a_result_is_found_by_reference(foreign: Client, affiliate: AffiliateSandbox, clock: FakeClock) -> None:
    """`/rest/hlr/reference/…` tells first that the lookup was sent, then what it found."""
    affiliate.outcomes[NUMBER] = Fate.REACHABLE
    created = await foreign.ask("createHLR", wanted("found1"))
    before = await foreign.ask("getHLR", {"reference": "found1"})
    await clock.advance(10)
    after = await foreign.ask("getHLR", {"reference": "found1"})

    assert (before["status"], after["status"]) == ("sent", "active")
    assert (after["id"], after["msisdn"]) == (created["result"][0]["id"], NUMBER)


async def test_an_unknown_reference_is_error_10(foreign: Client) -> None:
    """What was never created is not found."""
    answer = await foreign.ask("getHLR", {"reference": "nobody1"})

    assert answer == {"error": "10", "errorDescription": "HLR not found"}


async def test_a_wrong_number_refuses_the_whole_batch(foreign: Client, affiliate: AffiliateSandbox) -> None:
    """Error 14 comes without a list of items, and nothing is created."""
    answer = await foreign.ask("createHLR", [wanted("good1"), wanted("bad1", "123")])

    assert answer["error"] == "14"
    assert "result" not in answer
    assert affiliate.ledger.messages == []


async def test_prices_are_listed(foreign: Client) -> None:
    """`/rest/hlr/prices` has rows with a price and the account's currency."""
    answer = await foreign.ask("getHLRPrices", "0")

    assert answer["error"] == "0"
    assert {row["currency"] for row in answer["prices"]} == {"EUR"}


async def test_the_client_cannot_ask_by_id(foreign: Client, affiliate: AffiliateSandbox) -> None:
    """A known flaw of the client: it wants an id that is a number and a text at once, so no id will do."""
    for number in (12123, "12123"):
        with pytest.raises(Raised, match="only integer or string of digits"):
            await foreign.ask("getHLR", {"id": number})

    assert affiliate.ledger.requests == []
