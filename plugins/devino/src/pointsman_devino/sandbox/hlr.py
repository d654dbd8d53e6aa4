"""Lookups: order them, read their results; with a session or, below `v2`, with login and password."""

from typing import TYPE_CHECKING

from pointsman.message import Channel
from pointsman.sandbox import Call, Fate, Reply, SandboxMessage, Stage
from pointsman_devino.sandbox import answers
from pointsman_devino.sandbox.answers import HlrState
from pointsman_devino.sandbox.checks import ApiError, minutes, required
from pointsman_devino.sandbox.quirks import given_ids, given_rows

if TYPE_CHECKING:
    from pointsman_devino.sandbox.server import DevinoSandbox

MAX_NUMBERS = 200
FINAL_STATE = {Fate.REACHABLE: 1, Fate.ABSENT: 2, Fate.NONEXISTENT: 3, Fate.FAILED: 4, Fate.UNKNOWN: 99}
PENDING = 0


def send_bulk(box: "DevinoSandbox", call: Call) -> Reply:
    """Hlr/SendBulk: ids in the order of the numbers."""
    _authenticated(box, call, "DestinationAddresses", "Validity")
    minutes(call.params, "Validity")
    wanted = call.params.all("DestinationAddresses")
    numbers = box.affordable_numbers(wanted, 1, lookup=True)
    if len(numbers) > MAX_NUMBERS:
        raise ApiError(2, f"DestinationAddresses: at most {MAX_NUMBERS} numbers")
    given: list[str] = []
    for number in numbers:
        message_ids = box.hlr_ids.take(1)
        box.accept(call, ids=message_ids, channel=Channel.HLR, to=number, price=box.lookup_tariff.price(number))
        given += message_ids
    return answers.ids(box.mode_of(call), given_ids(call, given))


def state(box: "DevinoSandbox", call: Call) -> Reply:
    """Hlr/State: a row for each id that is known; others are left out."""
    _authenticated(box, call, "messageIds")
    found = (box.ledger.message(message_id) for message_id in call.params.all("messageIds"))
    rows = [_row(box, message, call.at) for message in found if message is not None and message.channel is Channel.HLR]
    return answers.hlr_states(box.mode_of(call), given_rows(call, rows))


def _authenticated(box: "DevinoSandbox", call: Call, *names: str) -> None:
    """Check parameters, then who calls; the path says in which of the two ways."""
    if call.endpoint.startswith("v2/"):
        required(call.params, "Login", "Password", *names)
        box.check_password(call)
    else:
        required(call.params, "SessionID", *names)
        box.check_session(call)


def _row(box: "DevinoSandbox", message: SandboxMessage, now: float) -> HlrState:
    code = PENDING
    if message.stage(now) is Stage.FINAL:
        code = box.lookup_states.get(message.to, FINAL_STATE.get(message.course.fate, 99))
    country, operator = box.home_of(message.to) if code in (1, 2) else (None, None)
    return HlrState(
        message_id=message.id,
        destination_address="+" + message.to,
        state_code=code,
        state_desc=answers.HLR_STATES.get(code, ""),
        country=country,
        mobile_operator=operator,
    )
