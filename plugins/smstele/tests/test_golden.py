"""Whole conversations from files: `golden/<case>/` holds what is asked, what the server says and what it means.

`case.toml` names the operation and the messages, `request.json` the request (secrets masked), `response.txt` the body
of the answer byte for byte, `expected.json` the reading and the kinds of what was read.
"""

import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.message import Channel, Fallback
from pointsman.plugin import Batch, Reading, Request, Response, Secret, Tracked
from pointsman_smstele.provider import Smstele

EMPTY: tuple[object, ...] = (None, "", [])
GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())

MakeBatch = Callable[..., Batch]
MakeTracked = Callable[..., tuple[Tracked, ...]]


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """`case.toml`."""

    fact: str
    operation: str
    ref: str
    to: list[str]
    channel: Channel = Channel.SMS
    text: str = "Test message 1"
    sender: str | None = None
    ttl: int | None = None
    flash: bool = False
    send_at: datetime | None = None
    fallback: bool = False
    by_reference: bool = False
    """A poll for a message whose id is not known."""
    status: int = 200


def converse(provider: Smstele, case: Case, body: bytes, batch: MakeBatch, tracked: MakeTracked) -> tuple[Request, Any]:
    """Run the pair of functions of the case's operation."""
    response = Response(status=case.status, body=body)
    ttl = None if case.ttl is None else timedelta(seconds=case.ttl)
    sent = batch(
        *case.to,
        channel=case.channel,
        ref=case.ref,
        text=case.text,
        sender=case.sender,
        ttl=ttl,
        flash=case.flash,
        send_at=case.send_at,
        fallback=Fallback() if case.fallback else None,
    )
    match case.operation:
        case "submit":
            return provider.submit_request(sent, None), provider.read_submit(sent, response)
        case "reconcile":
            return provider.reconcile_request(sent, None), provider.read_reconcile(sent, response)
        case "poll":
            asked = tracked(case.ref, *case.to, case.channel, by_reference=case.by_reference)
            return provider.poll_request(asked, None), provider.read_poll(asked, response)
    raise AssertionError(f"unknown operation {case.operation}")


def described(reading: Reading[Any]) -> dict[str, Any]:
    """The reading as JSON shows it, with the kinds of what was read."""
    value = reading.value
    kind = [type(each).__name__ for each in value] if isinstance(value, tuple) else type(value).__name__
    return {"kind": kind} | plain(reading)


def plain(value: object) -> Any:
    """The value as JSON shows it, with secrets masked and without what is empty."""
    shown = msgspec.json.encode(value, enc_hook=lambda secret: "***" if isinstance(secret, Secret) else str(secret))
    return without_empty(msgspec.json.decode(shown))


def without_empty(value: Any) -> Any:
    """The value without nulls, noes, empty texts and arrays, so that a new optional field changes no case."""
    match value:
        case dict():
            return {key: without_empty(held) for key, held in value.items() if held is not False and held not in EMPTY}
        case list():
            return [without_empty(held) for held in value]
    return value


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, provider: Smstele, batch: MakeBatch, tracked: MakeTracked) -> None:
    """The request is built and the answer is read as the files of the case say."""
    folder = GOLDEN / name
    case = msgspec.convert(tomllib.loads((folder / "case.toml").read_text("utf-8")), Case)

    request, reading = converse(provider, case, (folder / "response.txt").read_bytes(), batch, tracked)

    assert msgspec.json.decode((folder / "request.json").read_bytes()) == plain(request)
    assert msgspec.json.decode((folder / "expected.json").read_bytes()) == described(reading)
