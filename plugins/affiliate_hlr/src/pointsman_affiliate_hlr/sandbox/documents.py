"""How answers look: the document's own forms, and those of the provider's pages that the document leaves out."""

import enum
import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from pointsman.clock import as_utc
from pointsman.sandbox import Fate, Reply, SandboxMessage, Stage, Tariff
from pointsman_affiliate_hlr.sandbox.directory import COUNTRIES


class Quirk(enum.StrEnum):
    """Ways in which the API is odd or unclear; for `AffiliateSandbox.standing` or a fault rule."""

    DOCUMENT = "document"
    """Damage of the document's samples: the key ` errorDescription` in items, a line break in the key `price`."""
    NUMBERS = "numbers"
    """`error` and `id` are JSON numbers."""
    SHUFFLED = "shuffled"
    """The items of an answer come in another order than those of the request."""
    NO_PUT = "no_put"
    """PUT is answered with HTTP 405."""
    ITEM_ERRORS = "item_errors"
    """A bad number in a batch is that item's error 11 and not error 14 for all."""
    NO_DETAILS = "no_details"
    """`details` is null whatever the status."""


class Code(enum.StrEnum):
    """0, 11, 13 and 14 are in the document, 6 and 10 on the provider's pages, the rest in lists of its siblings."""

    OK = "0"
    INVALID_KEY = "1"
    BLOCKED = "2"
    NOT_ENOUGH_PARAMETERS = "3"
    BAD_METHOD = "4"
    UNKNOWN = "5"
    INVALID_TARIFF = "6"
    INVALID_PARAMETERS = "7"
    NO_MONEY = "8"
    INACTIVE_TARIFF = "9"
    NOT_FOUND = "10"
    INCORRECT_MSISDN = "11"
    REFERENCE_ABSENT = "12"
    EXISTS = "13"
    INCORRECT_PAYLOAD = "14"
    INVALID_REFERENCE = "15"
    NEW_NOT_FOUND = "60"
    NEW_INCORRECT_MSISDN = "61"
    NEW_REFERENCE_ABSENT = "62"
    NEW_EXISTS = "63"
    NEW_INCORRECT_PAYLOAD = "64"
    NEW_INVALID_REFERENCE = "65"
    NEW_MSISDN_TWICE = "66"


DESCRIPTIONS: Mapping[str, str] = {
    Code.INVALID_KEY: "Invalid API key",
    Code.BLOCKED: "Account is blocked",
    Code.NOT_ENOUGH_PARAMETERS: "Not enough parameters",
    Code.BAD_METHOD: "Bad method",
    Code.UNKNOWN: "Unknown error",
    Code.INVALID_TARIFF: "Invalid tariff code",
    Code.INVALID_PARAMETERS: "Invalid parameters",
    Code.NO_MONEY: "Not enough money",
    Code.INACTIVE_TARIFF: "Tariff is not active",
    Code.NOT_FOUND: "HLR not found",
    Code.INCORRECT_MSISDN: "Incorrect msisdn",
    Code.REFERENCE_ABSENT: "External ID is absent",
    Code.EXISTS: "HLR already exists",
    Code.INCORRECT_PAYLOAD: "Incorrect payload",
    Code.INVALID_REFERENCE: "Invalid external ID",
    Code.NEW_NOT_FOUND: "HLR not found",
    Code.NEW_INCORRECT_MSISDN: "Incorrect msisdn",
    Code.NEW_REFERENCE_ABSENT: "External ID is absent",
    Code.NEW_EXISTS: "HLR already exists",
    Code.NEW_INCORRECT_PAYLOAD: "Incorrect payload",
    Code.NEW_INVALID_REFERENCE: "Invalid external ID",
    Code.NEW_MSISDN_TWICE: "Duplicate msisdn",
}


class ErrorAnswer(msgspec.Struct, frozen=True, rename={"description": "errorDescription"}):
    """A request that was refused as a whole."""

    error: str
    description: str


class Created(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"description": "errorDescription"}
):
    """What became of one lookup that was asked for; the answer to a single one, or an item of a batch's."""

    reference: str | None = None
    """Only in items."""
    id: str | None = None
    error: str
    description: str | None = None
    price: str | None = None
    currency: str | None = None


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a batch; the total covers created lookups only."""

    result: tuple[Created, ...]
    error: str
    totalprice: str
    currency: str


class Details(msgspec.Struct, frozen=True):
    """What else a finished lookup found; 0 or 1 as text."""

    ported: str
    roaming: str = "0"


class Found(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"created_at": "createdDatetime", "status_at": "statusDatetime"},
):
    """The answer to a status query, and what callbacks carry."""

    id: str
    reference: str
    msisdn: str
    network: str | None
    """Only for the statuses absent and active."""
    status: str
    details: Details | None
    created_at: str
    status_at: str


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One country of the price table."""

    type: str = "hlr"
    country: str
    country_name: str
    mcc: str
    price: str
    currency: str


class PriceAnswer(msgspec.Struct, frozen=True):
    """The price table."""

    error: str
    prices: tuple[PriceRow, ...]


def status_of(fate: Fate) -> str:
    """Return the word for a final state; what this API cannot say is `unknown`."""
    match fate:
        case Fate.REACHABLE | Fate.DELIVERED:
            return "active"
        case Fate.ABSENT | Fate.UNDELIVERED | Fate.EXPIRED:
            return "absent"
        case Fate.FAILED | Fate.REJECTED | Fate.DELETED:
            return "failed"
        case Fate.NONEXISTENT | Fate.UNKNOWN | Fate.STUCK:
            return "unknown"


def created(lookup: SandboxMessage, currency: str) -> Created:
    """Say that a lookup was created."""
    return Created(
        reference=lookup.reference, id=lookup.id, error=Code.OK, price=money(lookup.price), currency=currency
    )


def not_created(reference: str, code: Code, earlier_id: str | None = None) -> Created:
    """Say why a lookup was not created; `earlier_id` belongs to the one that has its reference."""
    return Created(reference=reference, id=earlier_id, error=code, description=DESCRIPTIONS[code])


def describe(lookup: SandboxMessage, stage: Stage, *, network: str | None, ported: bool) -> Found:
    """Describe a lookup at a stage of its course."""
    final = stage is Stage.FINAL
    status = status_of(lookup.course.fate) if final else "sent"
    found = status in ("active", "absent")
    return Found(
        id=lookup.id,
        reference=lookup.reference or "",
        msisdn=lookup.to,
        network=network if found else None,
        status=status,
        details=Details("1" if ported else "0") if found else None,
        created_at=timestamp(lookup.accepted_at),
        status_at=timestamp(lookup.course.final_at if final else lookup.accepted_at),
    )


def price_table(tariff: Tariff, currency: str) -> PriceAnswer:
    """List a tariff's prices by country."""
    return PriceAnswer(
        Code.OK,
        tuple(
            PriceRow(
                country=country.code,
                country_name=country.name,
                mcc=country.mcc,
                price=money(tariff.price(prefix)),
                currency=currency,
            )
            for prefix, country in COUNTRIES.items()
        ),
    )


def timestamp(at: float) -> str:
    """Write a time as the provider does: `2015-08-04T06:50:19+00:00`."""
    return as_utc(at).isoformat(timespec="seconds")


def money(amount: Decimal) -> str:
    """Write an amount without trailing zeros and never in exponents."""
    return f"{amount.normalize():f}"


def render(answer: msgspec.Struct, *, status: int = 200, as_document: bool = False, numbers: bool = False) -> Reply:
    """Put an answer into bytes, with the damage that was asked for."""
    body = msgspec.json.encode(answer)
    if as_document and isinstance(answer, BatchAnswer):
        body = body.replace(b'"errorDescription"', b'" errorDescription"')
    if as_document and isinstance(answer, PriceAnswer):
        body = body.replace(b'"price":', b'"\nprice":')
    if numbers:
        body = re.sub(rb'"(error|id)":"(\d+)"', rb'"\1":\2', body)
    return Reply(status, body)
