"""What Devino's states of SMS, Viber messages and lookups mean: three tables, none of them that of the errors."""

from collections.abc import Mapping

import msgspec

from pointsman.outcome import DeliveryState, Fault, LookupState


class SmsState(msgspec.Struct, frozen=True):
    """One line of their table of SMS states."""

    name: str
    """The document's own words."""
    state: DeliveryState
    final: bool
    fault: Fault | None = None
    """Whose fault a bad end is, where the state tells; it decides whether another provider may try."""
    certain: bool = False
    """No provider could do better with this number."""


class ViberState(msgspec.Struct, frozen=True):
    """One line of their table of Viber states. Its 0 is the beginning; the 0 of an SMS is the best of ends."""

    name: str
    """The words of the later edition, in English."""
    state: DeliveryState
    final: bool
    fault: Fault | None = None
    read: bool = False
    """It was seen by a person, not only by a telephone."""


class HlrState(msgspec.Struct, frozen=True):
    """One line of their table of HLR states."""

    name: str
    state: LookupState
    final: bool


SMS_STATES: Mapping[int, SmsState] = {
    -40: SmsState("в очереди (SOAP)", DeliveryState.QUEUED, final=False),
    -30: SmsState("отправляется на шлюз (SOAP)", DeliveryState.QUEUED, final=False),
    -2: SmsState("В очереди", DeliveryState.QUEUED, final=False),
    -20: SmsState("отправляется абоненту (SOAP)", DeliveryState.SENT, final=False),
    -1: SmsState("Отправлено (передано в мобильную сеть)", DeliveryState.SENT, final=False),
    0: SmsState("Доставлено абоненту", DeliveryState.DELIVERED, final=True),
    -3: SmsState("неверная дата (SOAP)", DeliveryState.REJECTED, final=True, fault=Fault.DECLINED),
    8: SmsState("системная ошибка (SOAP)", DeliveryState.UNDELIVERABLE, final=True, fault=Fault.UNAVAILABLE),
    10: SmsState("Неверно введен адрес отправителя", DeliveryState.REJECTED, final=True, fault=Fault.SENDER),
    11: SmsState(
        "Неверно введен адрес получателя", DeliveryState.UNDELIVERABLE, final=True, fault=Fault.RECIPIENT, certain=True
    ),
    41: SmsState("Недопустимый адрес получателя", DeliveryState.UNDELIVERABLE, final=True, fault=Fault.RECIPIENT),
    42: SmsState("Отклонено смс-центром", DeliveryState.REJECTED, final=True, fault=Fault.DECLINED),
    46: SmsState("Просрочено (истек срок жизни сообщения)", DeliveryState.EXPIRED, final=True),
    47: SmsState("Удалено", DeliveryState.DELETED, final=True),
    48: SmsState("Отклонено Платформой", DeliveryState.REJECTED, final=True, fault=Fault.DECLINED),
    69: SmsState("Отклонено", DeliveryState.REJECTED, final=True, fault=Fault.DECLINED),
    -97: SmsState("Удалено (official C# client)", DeliveryState.DELETED, final=True),
    -98: SmsState("Остановлено", DeliveryState.DELETED, final=True),
    99: SmsState("Неизвестный", DeliveryState.UNKNOWN, final=False),
    # "Not in the database yet" and "older than 48 hours" share this number; only the age tells them apart, and only
    # the engine knows the age. It must therefore never end a message by itself.
    255: SmsState("еще не успело попасть в БД или старше 48 часов", DeliveryState.UNKNOWN, final=False),
}
UNDOCUMENTED_SMS_STATE = SmsState("", DeliveryState.UNKNOWN, final=False)

VIBER_STATES: Mapping[int, ViberState] = {
    0: ViberState("sending", DeliveryState.QUEUED, final=False),
    1: ViberState("sent", DeliveryState.SENT, final=False),
    2: ViberState("delivered, not read", DeliveryState.DELIVERED, final=True),
    3: ViberState("delivered and read", DeliveryState.DELIVERED, final=True, read=True),
    4: ViberState("not delivered", DeliveryState.UNDELIVERABLE, final=True),
    5: ViberState("error", DeliveryState.UNDELIVERABLE, final=True, fault=Fault.UNAVAILABLE),
    6: ViberState("unknown", DeliveryState.UNKNOWN, final=False),
    7: ViberState("expired", DeliveryState.EXPIRED, final=True),
    8: ViberState("link visited", DeliveryState.DELIVERED, final=True, read=True),
}
UNDOCUMENTED_VIBER_STATE = ViberState("", DeliveryState.UNKNOWN, final=False)

HLR_STATES: Mapping[int, HlrState] = {
    0: HlrState("Отправляется", LookupState.PENDING, final=False),
    1: HlrState("Абонент доступен", LookupState.REACHABLE, final=True),
    2: HlrState("Абонент временно недоступен", LookupState.ABSENT, final=True),
    3: HlrState("Абонент не существует", LookupState.NONEXISTENT, final=True),
    4: HlrState("Ошибка запроса", LookupState.FAILED, final=True),
    99: HlrState("Неизвестно", LookupState.UNKNOWN, final=True),
}
UNDOCUMENTED_HLR_STATE = HlrState("", LookupState.UNKNOWN, final=False)


def says_another(code: int, text: str) -> bool:
    """Say whether the text of an HLR answer is the documented text of another state than its number."""
    return any(row.name.casefold() == text.strip().casefold() for number, row in HLR_STATES.items() if number != code)
