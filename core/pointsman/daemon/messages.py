"""Messages over HTTP: taking them in, once for each key; showing and cancelling a client's own."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pointsman.daemon.asked import (
    LookupRequest,
    MessagePath,
    MessageRequest,
    NoPath,
    NoQuery,
    Nothing,
    ReferenceQuery,
    message_of,
)
from pointsman.daemon.endpoint import Call, Reply
from pointsman.daemon.house import House
from pointsman.daemon.problems import Failure, FieldProblem, Kind, Place, invalid_messages
from pointsman.daemon.shown import ReceiptsShown, TakenShown, receipt_shown
from pointsman.engine.orders import Order, Submitted
from pointsman.errors import InvalidMessage, InvalidMessages
from pointsman.outcome import Receipt
from pointsman.store.interface import Claim

KEY_HEADER = "Idempotency-Key"
REPLAY_HEADER = "Idempotent-Replay"
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_encode = msgspec.json.Encoder(order="sorted").encode


async def post_messages(
    house: House, call: Call[NoPath, NoQuery, MessageRequest | tuple[MessageRequest, ...]]
) -> Reply:
    """Take one message or several."""
    return await _take(house, call)


async def post_lookups(house: House, call: Call[NoPath, NoQuery, LookupRequest | tuple[LookupRequest, ...]]) -> Reply:
    """Take one lookup or several."""
    return await _take(house, call)


async def get_messages(house: House, call: Call[NoPath, ReferenceQuery, None]) -> Reply:
    """Find a client's messages by his own name for them."""
    found = await house.gateway.referred(call.client, call.query.reference, call.query.limit)
    return Reply(body=ReceiptsShown(messages=tuple(map(receipt_shown, found))))


async def get_message(house: House, call: Call[MessagePath, NoQuery, None]) -> Reply:
    """Show a message."""
    return Reply(body=receipt_shown(await _own(house, call.client, call.path.id)))


async def delete_message(house: House, call: Call[MessagePath, NoQuery, None]) -> Reply:
    """Cancel a message that has not left."""
    receipt = await _own(house, call.client, call.path.id)
    if not await house.gateway.cancel(receipt.id):
        raise Failure(Kind.CONFLICT, f"the message is {receipt.state} and cannot be taken back any more")
    after = await house.gateway.receipt(receipt.id) or receipt
    return Reply(status=202, body=TakenShown(id=after.id, state=after.state))


async def post_confirm(house: House, call: Call[MessagePath, NoQuery, Nothing]) -> Reply:
    """Note that the recipient got a message: a code was entered, a link was opened."""
    receipt = await _own(house, call.client, call.path.id)
    if not await house.gateway.confirm(receipt.id):
        raise Failure(Kind.CONFLICT, "no provider has taken this message, so nobody can have got it")
    return Reply(body=TakenShown(id=receipt.id, state=receipt.state))


async def _own(house: House, client: str, message_id: str) -> Receipt:
    """Return a message of a client. Raises `Failure`: others' messages are not there, as those that never were."""
    receipt = await house.gateway.receipt(message_id)
    if receipt is None or receipt.client != client:
        raise Failure(Kind.NOT_FOUND, "there is no such message")
    return receipt


async def _take(house: House, call: Call[NoPath, NoQuery, Any]) -> Reply:
    requests: Sequence[MessageRequest | LookupRequest] = call.body if call.is_many else (call.body,)
    claim = claim_of(call.client, call.raw.headers.getall(KEY_HEADER, []), call.raw.path, call.source)
    try:
        orders = _orders(requests, house, call.client)
        guard = house.company.guard
        submitted = await house.gateway.submit_many(orders, client=call.client, claim=claim, screen=guard)
    except InvalidMessages as error:
        raise invalid_messages(error, is_array=call.is_many) from None
    house.store_refuses = False
    return _taken(house, submitted, is_many=call.is_many)


def _taken(house: House, submitted: Submitted, *, is_many: bool) -> Reply:
    if submitted.repeated:
        house.figures.replayed()
    shown = tuple(TakenShown(id=one.id, state=one.state) for one in submitted.receipts)
    if not shown:  # a store in memory forgets messages before their keys when there are very many
        raise Failure(Kind.KEY_REUSED, "what was taken under this key is forgotten by now: use a new key")
    headers = {REPLAY_HEADER: "true"} if submitted.repeated else {}
    return Reply(status=202, body=shown if is_many else shown[0], headers=headers)


def _orders(requests: Sequence[MessageRequest | LookupRequest], house: House, client: str) -> list[Order]:
    orders = []
    problems = []
    for place, request in enumerate(requests):
        try:
            if request.callback_url is not None:
                house.posture.check_callback(client, request.callback_url)
            orders.append(Order(message_of(request), request.callback_url))
        except InvalidMessage as problem:
            problems.append((place, problem))
    if problems:
        raise InvalidMessages(problems)
    return orders


def claim_of(client: str, keys: Sequence[str], path: str, body: bytes) -> Claim | None:
    """Return the claim of a request that brought a key and a body of JSON. Raises `Failure` for a key that is none.

    Two requests are the same when path and JSON are, in whatever order the fields stand.
    """
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        problem = "must be given once, as 1 to 255 printable characters of ASCII"
        raise Failure(Kind.INVALID, errors=[FieldProblem(place=Place.HEADER, field=KEY_HEADER, problem=problem)])
    digest = hashlib.sha256(b"%s\n%s" % (path.encode(), _encode(msgspec.json.decode(body)))).digest()
    return Claim(client, keys[0], digest)
