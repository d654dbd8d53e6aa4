"""The four ways to send an SMS, and the state of a sent one."""

from typing import TYPE_CHECKING

import msgspec

from pointsman.message import Channel
from pointsman.sandbox import Call, Fate, Reply, SandboxMessage, Stage
from pointsman_devino.sandbox import answers
from pointsman_devino.sandbox.answers import SmsState, date
from pointsman_devino.sandbox.checks import (
    MAX_TEXT,
    ApiError,
    minutes,
    moment,
    required,
    sender_fits,
    text_of,
)
from pointsman_devino.sandbox.parts import count_parts
from pointsman_devino.sandbox.quirks import given_ids

if TYPE_CHECKING:
    from pointsman_devino.sandbox.server import DevinoSandbox

KEPT_SECONDS = 48 * 3600
"""So long after it was sent, the state of a message is 255."""
QUEUED, SENT, NOT_KNOWN = -2, -1, 255
FINAL_STATE = {
    Fate.DELIVERED: 0,
    Fate.UNDELIVERED: 41,
    Fate.EXPIRED: 46,
    Fate.REJECTED: 48,
    Fate.DELETED: 47,
    Fate.UNKNOWN: 99,
}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A request to send that passed every check."""

    numbers: tuple[str, ...]
    text: str
    sender: str
    parts: int
    due_at: float | None
    """Wall time; on the recipient's clock when `local`, else in UTC."""
    local: bool
    validity: int
    """Minutes; 0 means no limit. They count from the date, if there is one: the document does not say."""


def send(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/Send."""
    return _send(box, call, "DestinationAddress")


def send_by_time_zone(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/SendByTimeZone."""
    return _send(box, call, "DestinationAddress", dated=True)


def send_bulk(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/SendBulk."""
    return _send(box, call, "DestinationAddresses")


def send_by_time_zone_to_addresses(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/SendByTimeZoneToAddresses."""
    return _send(box, call, "DestinationAddresses", dated=True)


def _send(box: "DevinoSandbox", call: Call, addresses: str, *, dated: bool = False) -> Reply:
    order = _checked(box, call, addresses, dated=dated)
    given: list[str] = []
    for number in order.numbers:
        message_ids = box.sms_ids.take(order.parts)
        due_at = _due_at(box, order, number)
        box.accept(
            call,
            ids=message_ids,
            channel=Channel.SMS,
            to=number,
            text=order.text,
            sender=order.sender,
            segments=order.parts,
            price=box.tariff.price(number) * order.parts,
            due_at=due_at,
            expires_at=max(due_at or 0.0, call.at) + order.validity * 60 if order.validity else None,
        )
        given += message_ids
    return answers.ids(box.mode_of(call), given_ids(call, given))


def _due_at(box: "DevinoSandbox", order: Order, number: str) -> float | None:
    """Return when a number gets its message. "With the recipient's time zone" is read as: by the clock on its wall."""
    if order.due_at is None or not order.local:
        return order.due_at
    return order.due_at - box.hours_ahead(number) * 3600


def _checked(box: "DevinoSandbox", call: Call, addresses: str, *, dated: bool) -> Order:
    """Check in the document's order: parameters, session, balance, numbers, sender, length."""
    params = call.params
    required(params, "SessionID", addresses, "Data", "SourceAddress")
    if dated and "SendDate" not in params:
        raise ApiError(1, "SendDate can not be null or empty Parameter name: senddate")
    due_at, validity = moment(params, "SendDate"), minutes(params, "Validity")
    box.check_session(call)
    text, sender = text_of(params, "Data"), text_of(params, "SourceAddress")
    wanted = params.all(addresses) if addresses.endswith("es") else [text_of(params, addresses)]
    parts = count_parts(text)
    numbers = box.affordable_numbers(wanted, parts)
    if not sender_fits(sender) or (box.senders is not None and sender not in box.senders):
        raise ApiError(6, "Invalid source address")
    if len(text) > MAX_TEXT:
        raise ApiError(2, f"Data is longer than {MAX_TEXT} characters")
    return Order(numbers=numbers, text=text, sender=sender, parts=parts, due_at=due_at, local=dated, validity=validity)


def state(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/State: one segment a request."""
    required(call.params, "SessionID", "MessageID")
    box.check_session(call)
    message = box.ledger.message(text_of(call.params, "messageId"))
    return answers.sms_state(box.mode_of(call), state_row(box, message, call.at))


def state_row(box: "DevinoSandbox", message: SandboxMessage | None, now: float) -> SmsState:
    """Describe a segment at a wall time; 255 before it reaches the data base, after 48 hours and for unknown ids."""
    number = state_number(box, message, now)
    if message is None or number == NOT_KNOWN:
        return SmsState(state=NOT_KNOWN, state_description=answers.SMS_STATES[NOT_KNOWN])
    course = message.course
    stage = message.stage(now)
    reported = date(course.final_at) if stage is Stage.FINAL else None
    return SmsState(
        state=number,
        creation_date_utc=date(message.accepted_at),
        submitted_date_utc=None if stage is Stage.QUEUED else date(course.sent_at),
        reported_date_utc=reported,
        time_stamp_utc=reported or answers.MIN_DATE,
        state_description=answers.SMS_STATES.get(number, ""),
        price=float(message.price / message.segments),
    )


def state_number(box: "DevinoSandbox", message: SandboxMessage | None, now: float) -> int:
    """Return the code of the document's table of states."""
    if message is None or message.channel is not Channel.SMS:
        return NOT_KNOWN
    if now - message.accepted_at < box.state_lag or now - message.course.sent_at >= KEPT_SECONDS:
        return NOT_KNOWN
    match message.stage(now):
        case Stage.QUEUED:
            return QUEUED
        case Stage.SENT:
            return SENT
        case Stage.FINAL:
            return box.states.get(message.to, FINAL_STATE.get(message.course.fate, 99))
