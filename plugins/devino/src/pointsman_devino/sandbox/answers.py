"""How Devino words its answers, in two modes: plausible real bytes, and the document's examples with their mistakes."""

import enum
import json
import re
from collections.abc import Sequence

import msgspec

from pointsman.sandbox import Reply

HTTP_STATUS = {1: 400, 2: 400, 3: 400, 4: 401, 5: 403, 6: 400, 7: 403, 8: 500, 9: 500}
USUAL_TEXT = {
    1: "Argument cannot be null or empty",
    2: "Invalid argument",
    3: "Invalid session id",
    4: "Unauthorized access",
    5: "Not enough credits",
    6: "Invalid operation",
    7: "Forbidden",
    8: "Gateway error",
    9: "Internal server error",
}
SMS_STATES = {
    -1: "Отправлено (передано в мобильную сеть)",
    -2: "В очереди",
    47: "Удалено",
    -98: "Остановлено",
    0: "Доставлено абоненту",
    10: "Неверно введен адрес отправителя",
    11: "Неверно введен адрес получателя",
    41: "Недопустимый адрес получателя",
    42: "Отклонено смс-центром",
    46: "Просрочено (истек срок жизни сообщения)",
    48: "Отклонено Платформой",
    69: "Отклонено",
    99: "Неизвестный",
    255: "Неизвестный",
}
VIBER_STATES = {
    0: "Отправляется",
    1: "Отправлено",
    2: "Доставлено",
    3: "Прочитано",
    4: "Не доставлено",
    5: "Ошибка",
    6: "Неизвестно",
    7: "Просрочено",
    8: "Переход по ссылке",
}
HLR_STATES = {
    0: "Отправляется",
    1: "Абонент доступен",
    2: "Абонент временно недоступен",
    3: "Абонент не существует",
    4: "Ошибка запроса",
    99: "Неизвестно",
}
MIN_DATE = "/Date(-62135596800000)/"
"""The first moment of year 1: what .NET shows for a time that was never set."""

_CACHE = (("Cache-Control", "private"),)
_DATE = re.compile(rb'"/Date\((-?\d+)\)/"')


class Mode(enum.StrEnum):
    """Which bytes a client gets."""

    WIRE = "wire"
    DOCUMENT = "document"


class SmsState(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Answer of Sms/State."""

    state: int
    creation_date_utc: str | None = None
    submitted_date_utc: str | None = None
    reported_date_utc: str | None = None
    time_stamp_utc: str = MIN_DATE
    state_description: str
    price: float | None = None


class ResentSms(SmsState, frozen=True, kw_only=True, rename="pascal"):
    """One row of `ResentSms`: a segment of the SMS that was sent in place of a Viber message."""

    id: str


class ViberState(SmsState, frozen=True, kw_only=True, rename="pascal"):
    """Answer of Viber/State: that of Sms/State, and the SMS that was sent in its place."""

    resent_sms: tuple[ResentSms, ...] = ()


class HlrState(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One row of Hlr/State."""

    message_id: str = msgspec.field(name="messageId")
    destination_address: str
    state_code: int
    state_desc: str
    country: str | None = None
    mobile_operator: str | None = None


class Statistics(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Answer of Sms/Statistics, counted in segments."""

    sent: int
    delivered: int
    errors: int
    in_process: int
    expired: int
    rejected: int
    total: int
    total_with_errors: int
    delivery_ratio: float


def date(seconds: float) -> str:
    """Write a wall time as the API does."""
    return f"/Date({round(seconds * 1000)})/"


def error(mode: Mode, code: int, text: str) -> Reply:
    """Word an error; codes that the table does not have are answered with 400."""
    status = HTTP_STATUS.get(code, 400)
    text = text or USUAL_TEXT.get(code, "")
    if mode is Mode.WIRE:
        return reply(msgspec.json.encode({"Code": code, "Desc": text}), status)
    return reply(f'{{\n  Code: {code},\n  Desc: "{text}"\n}}'.encode(), status)


VIBER_CODE, VIBER_BROKEN = 1, 9
"""The number beside a word of Viber's own, and the one of a system error; only the first is documented."""


def viber_error(mode: Mode, word: str) -> Reply:
    """Word a refusal of a Viber message; the document's example lacks the comma and the quotes of the keys."""
    code = VIBER_BROKEN if word == "error-system" else VIBER_CODE
    if mode is Mode.WIRE:
        return error(mode, code, word)
    return reply(f'{{Code: {code} Desc: "{word}"}}'.encode(), HTTP_STATUS[code])


def bare(text: str) -> Reply:
    """Answer with a text as it is: a number, a quoted string, or nothing."""
    return reply(text.encode())


def ids(mode: Mode, given: Sequence[str]) -> Reply:
    """Answer with ids, as strings because they have 18 digits."""
    if mode is Mode.WIRE:
        return reply(msgspec.json.encode(given))
    return reply(json.dumps(list(given), ensure_ascii=False).encode())


def sms_state(mode: Mode, row: SmsState) -> Reply:
    """Word the state of a segment; the document's example has a key with a blank in it and strays of escaping."""
    if mode is Mode.WIRE:
        return reply(dated(row))
    values = [
        json.dumps(value, ensure_ascii=False).replace('"/Date(', '"\\Date(').replace(')/"', ')\\"')
        for value in (row.creation_date_utc, row.submitted_date_utc, row.reported_date_utc)
    ]
    stamp = row.time_stamp_utc.strip("/")
    price = json.dumps(row.price)
    return reply(
        f'{{"State":{row.state},"CreationDateUtc":{values[0]},"SubmittedDateUtc":{values[1]},'
        f'"ReportedDateU tc":{values[2]},"TimeStampUtc":"\\{stamp}\\",\\"StateDescription\\":'
        f'\\"{row.state_description}\\", \\"Price\\":{price}}}'.encode()
    )


def viber_state(row: ViberState) -> Reply:
    """Word the state of a Viber message; no broken example of it was ever printed."""
    return reply(dated(row))


def hlr_states(mode: Mode, rows: Sequence[HlrState]) -> Reply:
    """Word lookup results; the document's example lacks a comma, has one too many, and words code 1 as code 0."""
    if mode is Mode.WIRE:
        return reply(msgspec.json.encode(rows))
    return reply(("[" + ",\n".join(_hlr_row(row) for row in rows) + "]").encode())


def _hlr_row(row: HlrState) -> str:
    desc = HLR_STATES[0] if row.state_code == 1 else row.state_desc
    country, operator = json.dumps([row.country, row.mobile_operator], ensure_ascii=False)[1:-1].split(", ", 1)
    return (
        f'{{\n  "messageId" : "{row.message_id}"\n  "DestinationAddress" : "{row.destination_address}",\n'
        f'  "StateCode" : {row.state_code},\n  "StateDesc" : "{desc}",\n'
        f'  "Country" : {country},\n  "MobileOperator" : {operator},\n}}'
    )


def statistics(mode: Mode, figures: Statistics) -> Reply:
    """Word the figures; the document's example is good JSON, one figure a line."""
    encoded = msgspec.json.encode(figures)
    return reply(encoded.replace(b",", b",\n") if mode is Mode.DOCUMENT else encoded)


def dated(value: object) -> bytes:
    r"""Encode as JSON and write dates with `\/` as .NET does; a JSON reader sees no difference."""
    return _DATE.sub(rb'"\\/Date(\1)\\/"', msgspec.json.encode(value))


def reply(body: bytes, status: int = 200) -> Reply:
    """Answer with the headers that every answer has."""
    return Reply(status, body, headers=_CACHE)
