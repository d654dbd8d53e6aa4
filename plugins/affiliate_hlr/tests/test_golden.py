"""Whole conversations from files: `golden/<case>/` holds what is sent, what comes back and how it is read.

`case.toml` names the operation and the inputs, `request.json` the request (secrets marked as such), `response.txt` the
body of the answer or callback byte for byte, `expected.json` the reading.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.message import Channel, HlrLookup, Msisdn, Network
from pointsman.plugin import Batch, Callback, Reading, Request, Response, Secret, Submission, Tracked
from pointsman_affiliate_hlr.provider import AffiliateHlr

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    """One number of a case, with our reference or the provider's id."""

    to: str
    ref: str = ""
    id: str = ""
    callback_url: str | None = None


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """`case.toml`."""

    fact: str
    operation: str
    sent: list[Sent] = []
    status: int = 200
    headers: dict[str, str] = {}
    method: str = "GET"
    content_type: str = ""
    query: dict[str, str] = {}


def batch(case: Case) -> Batch:
    """The batch that a case sends."""
    items = tuple(
        Submission(
            ref=one.ref,
            message=HlrLookup(to=one.to),
            to=Msisdn(one.to),
            network=Network(),
            segments=None,
            sender=None,
            ttl=None,
            callback_url=None if one.callback_url is None else Secret(one.callback_url),
        )
        for one in case.sent
    )
    return Batch(ref="batch1", channel=Channel.HLR, items=items)


def converse(provider: AffiliateHlr, case: Case, body: bytes) -> tuple[Request | None, Reading[Any]]:
    """Run the pair of functions of the case's operation."""
    response = Response(status=case.status, headers=case.headers, body=body)
    match case.operation:
        case "submit":
            return provider.submit_request(batch(case), None), provider.read_submit(batch(case), response)
        case "reconcile":
            return provider.reconcile_request(batch(case), None), provider.read_reconcile(batch(case), response)
        case "poll":
            tracked = tuple(
                Tracked(
                    ids=(one.id,) if one.id else (),
                    to=Msisdn(one.to),
                    channel=Channel.HLR,
                    accepted_at=0.0,
                    ref=one.ref,
                )
                for one in case.sent
            )
            return provider.poll_request(tracked, None), provider.read_poll(tracked, response)
        case "prices":
            return provider.prices_request(None), provider.read_prices(response)
        case "callback":
            pairs = tuple(case.query.items())
            callback = Callback(method=case.method, query=pairs, content_type=case.content_type, body=body)
            return None, provider.read_callback(callback)
    raise AssertionError(f"unknown operation {case.operation}")


def plain(value: object) -> Any:
    """The value as JSON shows it, with secrets marked and without what is empty."""
    shown = msgspec.json.encode(
        value, enc_hook=lambda held: f"secret: {held.reveal()}" if isinstance(held, Secret) else str(held)
    )
    return without_empty(msgspec.json.decode(shown))


def without_empty(value: Any) -> Any:
    """The value without nulls, empty texts and empty arrays, so that a new optional field changes no case.

    Of a message that is sent, what is switched off goes without saying too.
    """
    match value:
        case dict():
            empty = (None, "", [], False) if "message" in value else (None, "", [])
            return {key: without_empty(held) for key, held in value.items() if held not in empty}
        case list():
            return [without_empty(held) for held in value]
    return value


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, provider: AffiliateHlr) -> None:
    """The request is built and the answer is read as the files of the case say."""
    folder = GOLDEN / name
    case = msgspec.convert(tomllib.loads((folder / "case.toml").read_text("utf-8")), Case)
    body = folder / "response.txt"

    request, reading = converse(provider, case, body.read_bytes() if body.exists() else b"")

    expected_request = folder / "request.json"
    if request is not None:
        assert msgspec.json.decode(expected_request.read_bytes()) == plain(request)
    assert msgspec.json.decode((folder / "expected.json").read_bytes()) == plain(reading)
