"""The four ways to send a Viber message, and the state of a sent one, as a later edition of the document has them.

With "resend" the service sends an SMS when the Viber message fails. As everything here is decided when a message is
taken, so is that: the SMS is taken and paid at once, and is told only when the Viber message has failed.
"""

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from pointsman.message import Channel
from pointsman.sandbox import Call, Fate, Reply, SandboxMessage, Stage
from pointsman_devino.sandbox import answers, sms
from pointsman_devino.sandbox.answers import ResentSms, ViberState, date
from pointsman_devino.sandbox.checks import ApiError, ViberError, read_number, required, text_of
from pointsman_devino.sandbox.parts import count_parts
from pointsman_devino.sandbox.quirks import given_ids

if TYPE_CHECKING:
    from pointsman_devino.sandbox.server import DevinoSandbox

MAX_TEXT = 1000
SENDING, SENT, NOT_KNOWN = 0, 1, 6
FAILED = frozenset({4, 5, 7})
FINAL_STATE = {
    Fate.DELIVERED: 2,
    Fate.UNDELIVERED: 4,
    Fate.EXPIRED: 7,
    Fate.REJECTED: 5,
    Fate.DELETED: 5,
    Fate.UNKNOWN: 6,
}
MINUTES_OF_A_DAY, SECONDS_OF_A_DAY = 1440, 86400

_SENDER = re.compile(r"[0-9A-Za-z]{1,11}")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A request to send that passed every check."""

    numbers: tuple[str, ...]
    text: str
    sender: str
    validity: int
    """Minutes; 0 means no limit."""


def send(box: "DevinoSandbox", call: Call) -> Reply:
    """Viber/Send."""
    return _send(box, call, "DestinationAddress")


def send_bulk(box: "DevinoSandbox", call: Call) -> Reply:
    """Viber/SendBulk."""
    return _send(box, call, "DestinationAddresses")


def send_with_resend(box: "DevinoSandbox", call: Call) -> Reply:
    """Viber/SendWithResend."""
    return _send(box, call, "DestinationAddress", resend=True)


def send_with_resend_bulk(box: "DevinoSandbox", call: Call) -> Reply:
    """Viber/SendWithResendBulk."""
    return _send(box, call, "DestinationAddresses", resend=True)


def _send(box: "DevinoSandbox", call: Call, addresses: str, *, resend: bool = False) -> Reply:
    order = _checked(box, call, addresses)
    messages = [
        box.accept(
            call,
            ids=box.viber_ids.take(1),
            channel=Channel.VIBER,
            to=number,
            text=order.text,
            sender=order.sender,
            price=box.viber_tariff.price(number),
            expires_at=call.at + order.validity * 60 if order.validity else None,
        )
        for number in order.numbers
    ]
    # Only then, or the SMS of one number could use up what the Viber message of the next one needs.
    for message in messages:
        if resend and _final_state(box, message) in FAILED:
            _resend(box, call, message)
    return answers.ids(box.mode_of(call), given_ids(call, [message.id for message in messages]))


def _resend(box: "DevinoSandbox", call: Call, message: SandboxMessage) -> None:
    """Take the SMS that goes out when the Viber message has failed, if it can be paid."""
    parts = count_parts(message.text)
    price = box.tariff.price(message.to) * parts
    if not box.account.covers(price):
        return
    box.resent[message.id] = box.accept(
        call,
        ids=box.sms_ids.take(parts),
        channel=Channel.SMS,
        to=message.to,
        text=message.text,
        sender=message.sender,
        segments=parts,
        price=price,
        due_at=message.course.final_at,
    )


def _checked(box: "DevinoSandbox", call: Call, addresses: str) -> Order:
    """Check parameters, session, balance, numbers, sender, text: the order is not told and taken to be that of SMS."""
    params = call.params
    required(params, "SessionID")
    box.check_session(call)
    wanted = [value for value in params.all(addresses) if value.strip()]
    if not wanted:
        raise ViberError("error-address-not-specified")
    numbers = _numbers(box, wanted if addresses.endswith("es") else wanted[:1])
    sender, text = text_of(params, "SourceAddress"), text_of(params, "Data")
    if not sender.strip():
        raise ViberError("error-subject-not-specified")
    if not _SENDER.fullmatch(sender):
        raise ViberError("error-subject-format")
    if box.senders is not None and sender not in box.senders:
        raise ViberError("error-subject-unknown")
    if not text.strip():
        raise ViberError("error-content-not-specified")
    if len(text) > MAX_TEXT:
        raise ApiError(2, f"Data is longer than {MAX_TEXT} characters")
    return Order(numbers=numbers, text=text, sender=sender, validity=_validity(text_of(params, "Validity").strip()))


def _numbers(box: "DevinoSandbox", wanted: list[str]) -> tuple[str, ...]:
    """Read the numbers; one that is wrong, or in no range that is served, and nothing is sent."""
    numbers = [read_number(text) for text in wanted]
    cost = sum((box.viber_tariff.price(number or "") for number in numbers), Decimal(0))
    if not box.account.covers(cost):
        raise ApiError(5)
    valid = tuple(number for number in numbers if number is not None)
    if len(valid) < len(wanted):
        raise ViberError("error-address-format")
    if not box.invalid_numbers.isdisjoint(valid):
        raise ViberError("error-address-unknown")
    return valid


def _validity(text: str) -> int:
    """Return minutes. The limit is 1440, and the document's own samples pass 86400: more than a day is a day."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or int(text) > SECONDS_OF_A_DAY:
        raise ViberError("error-validity-period-seconds-format")
    return min(int(text), MINUTES_OF_A_DAY)


def state(box: "DevinoSandbox", call: Call) -> Reply:
    """Viber/State: one message a request; what is not known has the state "unknown"."""
    required(call.params, "SessionID", "MessageID")
    box.check_session(call)
    message = box.ledger.message(text_of(call.params, "messageId"))
    if message is None or message.channel is not Channel.VIBER:
        return answers.viber_state(ViberState(state=NOT_KNOWN, state_description=answers.VIBER_STATES[NOT_KNOWN]))
    return answers.viber_state(_row(box, message, call.at))


def _row(box: "DevinoSandbox", message: SandboxMessage, now: float) -> ViberState:
    stage, course = message.stage(now), message.course
    number = {Stage.QUEUED: SENDING, Stage.SENT: SENT}.get(stage, _final_state(box, message))
    reported = date(course.final_at) if stage is Stage.FINAL else None
    return ViberState(
        state=number,
        creation_date_utc=date(message.accepted_at),
        submitted_date_utc=None if stage is Stage.QUEUED else date(course.sent_at),
        reported_date_utc=reported,
        time_stamp_utc=reported or answers.MIN_DATE,
        state_description=answers.VIBER_STATES.get(number, ""),
        price=float(message.price),
        resent_sms=_resent(box, message, now) if number in FAILED else (),
    )


def _resent(box: "DevinoSandbox", message: SandboxMessage, now: float) -> tuple[ResentSms, ...]:
    """Describe the segments of the SMS in place of a message that has failed."""
    instead = box.resent.get(message.id)
    if instead is None:
        return ()
    row = msgspec.structs.asdict(sms.state_row(box, instead, now))
    return tuple(ResentSms(**row, id=segment) for segment in instead.ids)


def _final_state(box: "DevinoSandbox", message: SandboxMessage) -> int:
    return box.viber_states.get(message.to, FINAL_STATE.get(message.course.fate, NOT_KNOWN))
