"""The provider's price list: which one is asked for, and what is read out of it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from pointsman.message import Channel, Money
from pointsman.outcome import Fault, Refused
from pointsman.plugin import Oddity, PriceQuote, Response, Secret
from pointsman_affiliate_hlr.provider import AffiliateHlr, build
from pointsman_affiliate_hlr.settings import Settings

MakeResponse = Callable[..., Response]

EUR = Money(amount=Decimal("0.002"), currency="EUR")


@pytest.mark.trap("A13")
@pytest.mark.parametrize("tariff", [0, 1, 9])
def test_question_names_the_tariff_of_the_creates(tariff: int) -> None:
    """A bare query means tariff 9 and a bare create 0, so the configured tariff is asked for by its number."""
    request = build(Settings(api_key=Secret("live_example"), tariff=tariff)).prices_request(None)

    assert (request.method, request.path, request.query) == ("GET", f"hlr/prices/{tariff}", ())


@pytest.mark.trap("A15")
@pytest.mark.parametrize(
    ("line", "country", "mccmnc", "mcc"),
    [
        ({"country": "UA", "mcc": "255"}, "UA", None, "255"),
        ({"country": "ua", "mcc": 255}, "UA", None, "255"),
        ({"country": "380"}, None, None, None),
        ({"country": "UKR"}, None, None, None),
        ({"country": "Ukraine", "mcc": "2"}, None, None, None),
        ({"country": None, "mcc": "25501"}, None, "25501", None),
        ({"mcc": "255", "mccmnc": "25506"}, None, "25506", None),
        ({"COUNTRY": "UA", " mcc ": "255"}, "UA", None, "255"),
    ],
)
def test_what_a_price_is_for_is_told_only_where_it_is_certain(
    line: dict[str, object],
    country: str | None,
    mccmnc: str | None,
    mcc: str | None,
    provider: AffiliateHlr,
    answered: MakeResponse,
) -> None:
    """Two letters are a country, three digits its mobile code and five or six a network; nothing else is guessed."""
    body = {"error": "0", "prices": [{**line, "country_name": "Ukraine", "price": "0.002", "currency": "EUR"}]}

    (quote,) = provider.read_prices(answered(body)).value

    expected = PriceQuote(channel=Channel.HLR, country=country, mccmnc=mccmnc, mcc=mcc, price=EUR, name="Ukraine")
    assert expected == quote


@pytest.mark.trap("A15")
@pytest.mark.parametrize("price", [None, "", "free", "-0.1", "NaN", {"amount": "0.002"}], ids=repr)
def test_line_without_a_price_is_left_out(price: object, provider: AffiliateHlr, answered: MakeResponse) -> None:
    """What is no exact amount is neither zero nor a reason to drop the other lines."""
    lines = [{"country": "UA", "price": price}, {"country": "RU", "price": "0.002"}, "odd", None]

    quotes = provider.read_prices(answered({"error": 0, "prices": lines, "currency": "EUR"})).value

    assert [(quote.country, quote.price, quote.name) for quote in quotes] == [("RU", EUR, "RU")]


def test_empty_list_is_an_answer(provider: AffiliateHlr, answered: MakeResponse) -> None:
    """A list without lines says that nothing is priced, and is no failure."""
    assert provider.read_prices(answered({"error": "0", "prices": []})).value == ()


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"error":"0"}', b'{"error":"0","prices":"none"}', b"7"])
def test_answer_without_a_list_is_unavailable(body: bytes, provider: AffiliateHlr, answered: MakeResponse) -> None:
    """An answer that holds no list is a failed question, never an empty list."""
    assert provider.read_prices(answered(body)).value.fault == Fault.UNAVAILABLE


def test_undocumented_code_is_declined(provider: AffiliateHlr, answered: MakeResponse) -> None:
    """A code that no document names for this call is declined and counted."""
    reading = provider.read_prices(answered({"error": "13"}))

    assert Refused(fault=Fault.DECLINED, code="13") == reading.value
    assert reading.oddities == (Oddity.UNDOCUMENTED_CODE,)


@pytest.mark.parametrize("tail", ["", "}", "}]", "}]}"])
def test_line_break_inside_of_a_key_is_repaired(tail: str, provider: AffiliateHlr) -> None:
    """The broken key of the provider's sample is read as `price`, even where closing brackets are lost as well."""
    body = '{"error":"0","prices":[{"country":"UA","\r\n\tprice":"0.002","currency":"EUR"' + tail

    reading = provider.read_prices(Response(status=200, body=body.encode()))

    assert ([(quote.country, quote.price) for quote in reading.value], reading.lenient) == ([("UA", EUR)], True)
