"""Their price list: what a lookup costs under a tariff, country by country."""

import re
from collections.abc import Mapping

from pointsman.message import Channel
from pointsman.outcome import Fault, Refused
from pointsman.plugin import Json, Operation, PriceQuote, PricesReading, Reading, Response
from pointsman_affiliate_hlr.verdicts import succeeded, trouble
from pointsman_affiliate_hlr.wire import Answer, answer, decode, first, fold, money, text

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_MCC = re.compile(r"[0-9]{3}")
_MCCMNC = re.compile(r"[0-9]{5,6}")
_NAME_LENGTH = 200


def prices_reading(response: Response) -> PricesReading:
    """Read the answer to a question for prices; a line without a price that can be read is left out."""
    value, lenient = decode(response.body)
    fields = fold(value) if isinstance(value, dict) else {}
    said = answer(fields) if fields else Answer()
    if not succeeded(response) or said.code not in (None, "0"):
        return trouble(said, response, Operation.PRICES, lenient=lenient)
    lines = value if isinstance(value, list) else fields.get("prices")
    if not isinstance(lines, list):
        refused = Refused(fault=Fault.UNAVAILABLE, code=said.code, detail="the answer holds no price list")
        return Reading(refused, lenient=lenient)
    currency = text(fields.get("currency"))
    quotes = (_quote(fold(line), currency) for line in lines if isinstance(line, dict))
    return Reading(tuple(quote for quote in quotes if quote is not None), lenient=lenient)


def _quote(fields: Mapping[str, Json], currency: str) -> PriceQuote | None:
    """Read one line; `currency` holds where it names none itself.

    What the price is for is told as it is certain: a country by two letters, a network by its whole code.
    """
    price = money(text(fields.get("price")), text(fields.get("currency")) or currency)
    if price is None:
        return None
    country, code = text(fields.get("country")), text(first(fields, "mccmnc", "mcc"))
    return PriceQuote(
        channel=Channel.HLR,
        country=country.upper() if _COUNTRY.fullmatch(country) else None,
        mccmnc=code if _MCCMNC.fullmatch(code) else None,
        mcc=code if _MCC.fullmatch(code) else None,
        price=price,
        name=text(first(fields, "countryname", "name", "country"))[:_NAME_LENGTH],
    )
