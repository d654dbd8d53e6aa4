"""The control API of a sandbox, below `/_sandbox/`: reads what arrived, scripts what goes wrong. JSON in and out."""

import inspect
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

import msgspec

from pointsman.sandbox.call import Reply
from pointsman.sandbox.clock import Advancing
from pointsman.sandbox.delivery import Fate

if TYPE_CHECKING:
    from pointsman.sandbox.base import Sandbox

PREFIX = "/_sandbox/"
MOST_SECONDS = 1e9
"""How far one call moves the clock; after some thousand years there are no dates any more."""


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST account`: pay in, or (negative) take away."""

    top_up: Decimal


class ClockPush(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST clock/advance`."""

    seconds: Annotated[float, msgspec.Meta(ge=-MOST_SECONDS, le=MOST_SECONDS)]


Control = Callable[["Sandbox", dict[str, list[str]], bytes], Awaitable[Reply]]


async def answer_control(sandbox: "Sandbox", method: str, path: str, query: str, body: bytes) -> Reply:
    """Answer one control call; what is wrong with it is said in `error`."""
    control = CONTROLS.get((method, path.strip("/")))
    try:
        if control is not None:
            return await control(sandbox, parse_qs(query), body)
        own = sandbox.control(method, path.strip("/"), body)
    except (msgspec.MsgspecError, ValueError) as error:
        return Reply.json({"error": str(error)}, 400)
    if own is not None:
        return own
    known = ", ".join(f"{verb} {name}" for verb, name in CONTROLS)
    return Reply.json({"error": f"no such control: {method} {path}; there are: {known}"}, 404)


async def _overview(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del query, body
    ledger = sandbox.ledger
    return Reply.json(
        {
            "name": sandbox.name,
            "base_url": sandbox.base_url,
            "now": sandbox.clock.now(),
            "calls": dict(ledger.calls),
            "accepted": {channel.value: count for channel, count in ledger.accepted.items()},
            "duplicates": len(ledger.duplicates()),
        }
    )


async def _requests(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del body
    after = int(query.get("after", ["0"])[0])
    endpoint = query.get("endpoint", [""])[0].lower()
    return Reply.json(
        [
            request
            for request in sandbox.ledger.requests
            if request.number > after and endpoint in ("", request.endpoint.lower())
        ]
    )


async def _messages(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del query, body
    now = sandbox.clock.now()
    return Reply.json(
        [
            {**msgspec.to_builtins(message), "stage": message.stage(now).name.lower()}
            for message in sandbox.ledger.messages
        ]
    )


async def _faults(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del query, body
    return Reply.json(sandbox.faults.armed)


async def _add_faults(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    sandbox.faults.add_json(body)
    return await _faults(sandbox, query, body)


async def _clear_faults(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    sandbox.faults.clear()
    return await _faults(sandbox, query, body)


async def _account(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del query, body
    account = sandbox.account
    return Reply.json(
        {
            "balance": account.balance,
            "currency": account.currency,
            "spent": account.spent,
            "history": account.history,
        }
    )


async def _change_account(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    change = msgspec.json.decode(body, type=AccountChange)
    if not change.top_up.is_finite():
        raise ValueError("Expected a finite amount - at `$.top_up`")
    sandbox.account.top_up(change.top_up, at=sandbox.clock.now())
    return await _account(sandbox, query, body)


async def _script_outcomes(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del query
    sandbox.outcomes.update(msgspec.json.decode(body, type=dict[str, Fate]))
    return Reply.json(sandbox.outcomes)


async def _reset(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    sandbox.reset()
    return await _overview(sandbox, query, body)


async def _advance(sandbox: "Sandbox", query: dict[str, list[str]], body: bytes) -> Reply:
    del query
    push = msgspec.json.decode(body, type=ClockPush)
    if not isinstance(sandbox.clock, Advancing):
        return Reply.json({"error": "this sandbox runs on a clock that cannot be moved"}, 409)
    moved = sandbox.clock.advance(push.seconds)
    if inspect.isawaitable(moved):
        await moved
    return Reply.json({"now": sandbox.clock.now()})


CONTROLS: dict[tuple[str, str], Control] = {
    ("GET", ""): _overview,
    ("GET", "requests"): _requests,
    ("GET", "messages"): _messages,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "account"): _account,
    ("POST", "account"): _change_account,
    ("POST", "outcomes"): _script_outcomes,
    ("POST", "reset"): _reset,
    ("POST", "clock/advance"): _advance,
}
