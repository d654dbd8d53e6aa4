"""Whether a plugin returned what its contract knows, field by field: a Struct's constructor does not check types."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite

import msgspec

from pointsman.message import Channel, Money, Network
from pointsman.outcome import (
    Accepted,
    DeliveryState,
    Fault,
    LookupResult,
    LookupState,
    Refused,
    Report,
    Unknown,
    UnknownReason,
)
from pointsman.plugin import Balance, Incoming, PriceQuote, Reading, Session, Statistics
from pointsman.secret import Secret


def is_outcome(value: object) -> bool:
    """Say whether a value is an outcome that can be decided upon and written down."""
    match value:
        case Accepted(ids=tuple() as ids, price=price, segments=int() | None, network=Network() | None):
            return all(isinstance(one, str) for one in ids) and (price is None or is_money(price))
        case Unknown(reason=UnknownReason(), code=str() | None, detail=str()):
            return True
        case _:
            return is_refusal(value)


def is_refusal(value: object) -> bool:
    """Say whether a value is a refusal in every field."""
    match value:
        case Refused(fault=Fault(), code=str() | None, detail=str(), retry_after=int() | float() | None as wait):
            return wait is None or (isfinite(wait) and wait >= 0)
        case _:
            return False


def is_money(value: object) -> bool:
    """Say whether a value is an amount that can be added up."""
    match value:
        case Money(amount=Decimal() as amount, currency=str()):
            return amount.is_finite()
        case _:
            return False


def is_balance(value: object) -> bool:
    """Say whether a value is a balance, told or not told."""
    match value:
        case Balance(money=None):
            return True
        case Balance(money=money):
            return is_money(money)
        case _:
            return False


def is_session(value: object) -> bool:
    """Say whether a value is a session that can be used."""
    match value:
        case Session(token=Secret(), valid_for=timedelta()):
            return True
        case _:
            return False


def is_report(value: object) -> bool:
    """Say whether a value is a report that can be matched and merged."""
    match value:
        case Report(
            provider_id=str(),
            state=DeliveryState() | None as state,
            lookup=LookupResult(state=LookupState(), network=Network() | None) | None as lookup,
            at=datetime() | None as at,
            to=str() | None,
            reference=str() | None,
            price=price,
        ):
            told = (state is None) is not (lookup is None) and (price is None or is_money(price))
            return told and (at is None or at.utcoffset() is not None)
        case _:
            return False


def are_reports(value: object) -> bool:
    """Say whether a value is a tuple of reports."""
    return isinstance(value, tuple) and all(is_report(one) for one in value)


def are_incoming(value: object) -> bool:
    """Say whether a value is a tuple of messages that came in."""
    return isinstance(value, tuple) and all(map(_is_incoming, value))


def _is_incoming(value: object) -> bool:
    match value:
        case Incoming(
            id=str(), sender=str(), sender_msisdn=str() | None, to=str(), text=str(), at=datetime() | None as at
        ):
            return at is None or at.utcoffset() is not None
        case _:
            return False


def is_statistics(value: object) -> bool:
    """Say whether a value is a provider's figures that can be shown and added up."""
    if not isinstance(value, Statistics):
        return False
    *counts, ratio = msgspec.structs.astuple(value)
    whole = all(count is None or (isinstance(count, int) and not isinstance(count, bool)) for count in counts)
    return whole and (ratio is None or (isinstance(ratio, Decimal) and ratio.is_finite()))


def are_quotes(value: object) -> bool:
    """Say whether a value is a tuple of lines of a price list."""
    return isinstance(value, tuple) and all(map(_is_quote, value))


def _is_quote(value: object) -> bool:
    match value:
        case PriceQuote(
            channel=Channel(), country=str() | None, mccmnc=str() | None, mcc=str() | None, price=price, name=str()
        ):
            return is_money(price)
        case _:
            return False


def is_reading(value: object, sound: Callable[[object], bool]) -> bool:
    """Say whether a plugin read something, and what it read is sound."""
    match value:
        case Reading(value=read, lenient=bool(), oddities=tuple()):
            return sound(read)
        case _:
            return False
