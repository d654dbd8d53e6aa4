"""What their states say of our messages and lookups."""

from collections.abc import Iterable
from decimal import Decimal

from pointsman.message import Money, Msisdn, Network, NetworkSource
from pointsman.outcome import DeliveryState, LookupResult, LookupState, Report
from pointsman.plugin import Oddity, Tracked
from pointsman.text.operators import operator_network
from pointsman_devino.states import (
    HLR_STATES,
    SMS_STATES,
    UNDOCUMENTED_HLR_STATE,
    UNDOCUMENTED_SMS_STATE,
    UNDOCUMENTED_VIBER_STATE,
    VIBER_STATES,
    SmsState,
    ViberState,
    says_another,
)
from pointsman_devino.wire import LONGEST_DETAIL, HlrAnswer, SmsAnswer, ViberAnswer

Oddities = tuple[Oddity, ...]


def segment_report(message_id: str, answer: SmsAnswer, currency: str) -> tuple[Report, Oddities]:
    """Return what an answer says of one segment. `price` is for this segment."""
    row = SMS_STATES.get(answer.state)
    known = row or UNDOCUMENTED_SMS_STATE
    report = Report(
        provider_id=message_id,
        state=known.state,
        final=known.final,
        at=answer.at,
        code=str(answer.state),
        detail=answer.description,
        fault=known.fault,
        certain=known.certain,
        price=None if answer.price is None else Money(answer.price, currency),
    )
    return report, () if row else (Oddity.UNDOCUMENTED_CODE,)


def viber_report(tracked: Tracked, answer: ViberAnswer, currency: str) -> tuple[Report, Oddities]:
    """Return what an answer says of a Viber message, the SMS in its place included; `price` is for both together."""
    row = VIBER_STATES.get(answer.own.state)
    parts = [SMS_STATES.get(part.state) for part in answer.resent]
    end = _end(
        row or UNDOCUMENTED_VIBER_STATE, [part or UNDOCUMENTED_SMS_STATE for part in parts], expected=tracked.resend
    )
    both = (answer.own, *answer.resent)
    prices = [one.price for one in both if one.price is not None]
    report = Report(
        provider_id=tracked.ids[0],
        state=end.state,
        final=end.final,
        at=max((one.at for one in both if one.at is not None), default=None),
        code=str(answer.own.state),
        detail=_told(answer),
        fault=end.fault,
        price=Money(sum(prices, Decimal(0)), currency) if prices else None,
        read=end.read,
    )
    return report, () if row and all(parts) else (Oddity.UNDOCUMENTED_CODE,)


def _told(answer: ViberAnswer) -> str:
    sms = (f"SMS {part.state} {part.description}".rstrip() for part in answer.resent)
    return "; ".join(filter(None, (answer.own.description, *sms)))[:LONGEST_DETAIL]


_UNDER_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.SENT})
_STILL_OPEN = ViberState("an SMS is on its way instead", DeliveryState.SENT, final=False)


def _end(viber: ViberState, sms: list[SmsState], *, expected: bool) -> ViberState:
    """Return the state of the whole: the Viber message where that got through, else the SMS in its place.

    `expected` says that the provider was asked for such an SMS; it then is still to come, and what became of the Viber
    message alone is not the last word.
    """
    if viber.state is DeliveryState.DELIVERED:
        return viber
    if sms and all(part.state is DeliveryState.DELIVERED for part in sms):
        return ViberState("delivered as SMS", DeliveryState.DELIVERED, final=True)
    if viber.state in _UNDER_WAY:
        return viber
    if not sms:
        return _STILL_OPEN if expected and viber.final else viber
    if not all(part.final for part in sms):
        return _STILL_OPEN
    bad = next(part for part in sms if part.state is not DeliveryState.DELIVERED)
    return ViberState(bad.name, bad.state, final=True, fault=bad.fault)


def lookup_reports(tracked: tuple[Tracked, ...], answers: Iterable[HlrAnswer]) -> tuple[tuple[Report, ...], Oddities]:
    """Return what the answers say of the lookups that were asked about, and what was odd about them.

    An id that was not asked for is ignored. So is an answer about another number than the one that we looked up: its
    result would be ascribed to the wrong subscriber.
    """
    numbers = {message_id: lookup.to for lookup in tracked for message_id in lookup.ids}
    reports: list[Report] = []
    oddities: dict[Oddity, None] = {}
    for answer in answers:
        to = numbers.get(answer.id)
        if to is None:
            oddities[Oddity.FOREIGN_ID] = None
        elif answer.number and not same_number(answer.number, to):
            oddities[Oddity.WRONG_NUMBER] = None
        else:
            reports.append(_lookup_report(answer, to))
            if answer.state not in HLR_STATES:
                oddities[Oddity.UNDOCUMENTED_CODE] = None
            elif says_another(answer.state, answer.description):
                oddities[Oddity.CODE_AND_TEXT_DISAGREE] = None
    return tuple(reports), tuple(oddities)


def _lookup_report(answer: HlrAnswer, to: Msisdn) -> Report:
    row = HLR_STATES.get(answer.state, UNDOCUMENTED_HLR_STATE)
    told = row.state in (LookupState.REACHABLE, LookupState.ABSENT)
    return Report(
        provider_id=answer.id,
        lookup=LookupResult(
            state=row.state,
            network=_network(answer) if told else None,
            operator=answer.operator or None,
        ),
        final=row.final,
        code=str(answer.state),
        detail=answer.description,
        to=to if answer.number else None,
    )


_RUSSIA = frozenset({"", "россия", "российская федерация", "рф", "russia", "ru"})


def _network(answer: HlrAnswer) -> Network | None:
    """Return the network behind a free text such as `ОАО Вымпел-Коммуникации(Москва)`; None rather than a guess.

    The names that are known are those of Russian networks, and brands cross borders: a Билайн of another country is
    another network.
    """
    match = operator_network(answer.operator) if answer.country.strip().casefold() in _RUSSIA else None
    return None if match is None else Network(country="RU", mccmnc=match.mccmnc, source=NetworkSource.HLR)


def same_number(said: str, ours: str) -> bool:
    """Compare a number in one of their spellings (`79…`, `+79…`, `89…`) with our digits."""
    digits = "".join(character for character in said if character in "0123456789")
    national = digits.startswith("8") and len(digits) == 11
    return digits == ours or (national and "7" + digits[1:] == ours)
