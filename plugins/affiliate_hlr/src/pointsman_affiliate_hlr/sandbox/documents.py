"""How answers look: the document's own forms, and those of the provider's pages that the document leaves out."""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from pointsman.clock import as_utc
from pointsman.sandbox import Fate, Reply, SandboxMessage, Stage, Tariff
from pointsman_affiliate_hlr.sandbox.codes import DESCRIPTIONS, FIELDS, STATUSES, Code
from pointsman_affiliate_hlr.sandbox.directory import COUNTRIES
from pointsman_affiliate_hlr.sandbox.findings import Finding


class ErrorAnswer(msgspec.Struct, frozen=True, rename={"description": "errorDescription"}):
    """A request that was refused as a whole."""

    error: str
    description: str


class HttpError(msgspec.Struct, frozen=True):
    """A refusal in the newer form; `code` repeats the HTTP status."""

    code: int
    message: str
    errors: Mapping[str, tuple[str, ...]]


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


class NewerFound(Found, frozen=True, kw_only=True, rename={"description": "errorDescription"}):
    """The same with what the siblings have added; made-up subscriber data begins with zeros or the network's code."""

    error: int = 0
    description: str = "No errors"
    country_name: str
    brand: str | None
    brand_name: str | None
    imsi: str | None
    location_msc: str | None = None


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


def describe(lookup: SandboxMessage, stage: Stage, finding: Finding) -> Found:
    """Describe a lookup at a stage of its course."""
    final = stage is Stage.FINAL
    status = status_of(lookup.course.fate) if final else "sent"
    found = status in ("active", "absent")
    return Found(
        id=lookup.id,
        reference=lookup.reference or "",
        msisdn=lookup.to,
        network=finding.network if found else None,
        status=status,
        details=Details(_flag(finding.ported), _flag(finding.roaming)) if found else None,
        created_at=timestamp(lookup.accepted_at),
        status_at=timestamp(lookup.course.final_at if final else lookup.accepted_at),
    )


def newer(found: Found) -> NewerFound:
    """Put a status into the newer form."""
    network = found.network
    country = next((one.name for one in COUNTRIES.values() if network is not None and network[:3] == one.mcc), "")
    brand = f"Network {network}" if network is not None else None
    return NewerFound(
        **{name: getattr(found, name) for name in Found.__struct_fields__},
        country_name=country,
        brand=brand,
        brand_name=brand,
        imsi=f"{network}0000000000"[:15] if network is not None else None,
    )


def http_error(answer: ErrorAnswer) -> Reply:
    """Put a refusal into the newer form."""
    status = STATUSES.get(answer.error, 422)
    field = FIELDS.get(answer.error)
    errors = {} if field is None else {field: (answer.description,)}
    return Reply(status, msgspec.json.encode(HttpError(status, answer.description, errors)))


def _flag(value: bool) -> str:  # noqa: FBT001 - it is the value itself
    return "1" if value else "0"


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
