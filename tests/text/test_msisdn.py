"""Telephone numbers: what people write, and what must not be guessed."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from pointsman.errors import InvalidMessage
from pointsman.message import Msisdn
from pointsman.text import country_of, country_of_prefix, is_region, parse_msisdn

TEN_DIGITS_FROM_NINE = {"MM", "MV"}
"""Numbers of Myanmar and the Maldives can look as Russians write their own; without a plus they are read as those."""


@pytest.mark.trap("A19", "D18", "X03")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("79161234567", "79161234567"),
        ("+79161234567", "79161234567"),
        ("89031234567", "79031234567"),
        ("9161234567", "79161234567"),
        ("8 (916) 123-45-67", "79161234567"),
        ("+7 916 123.45.67", "79161234567"),
        ("+7\u00a0916\u00a0123\u201145\u201167", "79161234567"),
        ("\u202a+7 916 123-45-67\u202c", "79161234567"),
        ("＋７９１６１２３４５６７", "79161234567"),
        ("８９１６１２３４５６７", "79161234567"),
        ("  79161234567\n", "79161234567"),
        ("87012345678", "77012345678"),
        ("85267202829", "85267202829"),
        ("84951234567", "84951234567"),
        ("380505142320", "380505142320"),
        ("+380505142320", "380505142320"),
        ("00380505142320", "380505142320"),
        ("810380505142320", "380505142320"),
        ("8 10 380 50 514-23-20", "380505142320"),
        ("+44 (0)7400 123456", "447400123456"),
        ("4791234567", "4791234567"),
        ("+74951234567", "74951234567"),
        ("74951234567", "74951234567"),
        ("+29022123", "29022123"),
    ],
)
def test_reads_what_people_write(text: str, expected: str) -> None:
    """A number is read as Russians write it, and a foreign one is left as it is."""
    assert expected == parse_msisdn(text)


@pytest.mark.trap("H02", "X03")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("80000000002", "neither with 8 as the trunk prefix nor with 8 as part of a country code"),
        ("+80000000002", "which receives no messages"),
        ("88005553535", "neither with 8"),
        ("78005553535", "which receives no messages"),
        ("70000000001", "in no numbering plan"),
        ("70000000002", "in no numbering plan"),
        ("7926000000", "in no numbering plan"),
        ("4951234567", "lacks its country code"),
        ("+89161234567", "in no numbering plan"),
        ("112", "has 3 digits"),
        ("7916123456789012", "has 16 digits"),
        ("", "is empty"),
        (" - ", "is empty"),
        ("+", "something other than digits"),
        ("SHOP", "something other than digits"),
        ("7916123456a", "something other than digits"),
        ("79161234567;79161234568", "something other than digits"),
        ("7+9161234567", "something other than digits"),
        ("٧٩١٦١٢٣٤٥٦٧", "something other than digits"),
        ("7" * 1000, "has 1000 characters"),
    ],
)
def test_refuses_what_would_be_a_guess(text: str, problem: str) -> None:
    """What is no number that can receive a message is refused with the reason, under the field `to`."""
    with pytest.raises(InvalidMessage) as caught:
        parse_msisdn(text)
    assert caught.value.field == "to"
    assert problem in caught.value.problem


@pytest.mark.parametrize("text", ["80000000002", "70000000001", "7926000000", "79161234567;79161234568"])
def test_errors_do_not_repeat_the_number(text: str) -> None:
    """A refused number is personal data all the same and stays out of the error."""
    with pytest.raises(InvalidMessage) as caught:
        parse_msisdn(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("015112345678", "DE", "4915112345678"),
        ("4915112345678", "DE", "4915112345678"),
        ("380505142320", "DE", "380505142320"),
        ("030 123456", "DE", "4930123456"),
        ("07400 123456", "GB", "447400123456"),
        ("011 44 7400 123456", "US", "447400123456"),
        ("0505142320", "UA", "380505142320"),
        ("87012345678", "KZ", "77012345678"),
        ("7012345678", "KZ", "77012345678"),
        ("+79161234567", "DE", "79161234567"),
        ("79161234567", "GB", "79161234567"),
    ],
)
def test_reads_national_numbers_of_other_regions(text: str, region: str, expected: str) -> None:
    """Digits without a sign of being international may be national numbers of the configured region."""
    assert expected == parse_msisdn(text, region)


def test_two_mobile_readings_are_refused() -> None:
    """Digits that are a mobile number both at home and abroad are not guessed but refused."""
    with pytest.raises(InvalidMessage, match="two countries"):
        parse_msisdn("3546111234", "US")
    assert parse_msisdn("+3546111234", "US") == "3546111234"
    assert parse_msisdn("+13546111234", "US") == "13546111234"


def test_unknown_region_is_a_mistake_of_the_caller() -> None:
    """A region without a numbering plan raises `ValueError`, and `is_region` tells beforehand."""
    assert not is_region("XX")
    assert is_region("RU")
    with pytest.raises(ValueError, match="'XX' is not a region"):
        parse_msisdn("12345678", "XX")


@pytest.mark.parametrize(
    ("msisdn", "country"),
    [
        ("79161234567", "RU"),
        ("77012345678", "KZ"),
        ("77771234567", "KZ"),
        ("85267202829", "HK"),
        ("84951234567", "VN"),
        ("380505142320", "UA"),
        ("12015550123", "US"),
        ("883510012345678", None),
        ("70000000001", None),
    ],
)
def test_country_of_shared_codes(msisdn: str, country: str | None) -> None:
    """The country follows from the numbering plan, not from the first digit: +7 is Russia and Kazakhstan."""
    assert country == country_of(Msisdn(msisdn))


def mobile_numbers_of_the_world() -> list[str]:
    """An example of a mobile number of each region, as E.164 digits."""
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    regions = sorted(phonenumbers.SUPPORTED_REGIONS - TEN_DIGITS_FROM_NINE)
    examples = [phonenumbers.example_number_for_type(region, kind) for region in regions for kind in kinds]
    return [
        f"{number.country_code}{phonenumbers.national_significant_number(number)}"
        for number in examples
        if number and phonenumbers.number_type(number) in kinds
    ]


@pytest.mark.trap("A19", "X03")
@pytest.mark.parametrize("digits", sorted(set(mobile_numbers_of_the_world())))
def test_mobile_numbers_of_the_world_survive_without_a_plus(digits: str) -> None:
    """A foreign mobile number in bare E.164 digits is never turned into a Russian one."""
    assert digits == parse_msisdn(digits)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text("0123456789+ ()-８\u00a0", max_size=20), st.from_regex(r"(\+|00|8|7|)[0-9]{7,14}", fullmatch=True)
    )
)
def test_any_text_is_a_number_or_an_error(text: str) -> None:
    """Whatever is typed gives 7 to 15 digits that mean the same when read again, or `InvalidMessage`."""
    try:
        msisdn = parse_msisdn(text)
    except InvalidMessage:
        return
    assert msisdn.isdecimal()
    assert 7 <= len(msisdn) <= 15
    assert not msisdn.startswith("0")
    assert msisdn == parse_msisdn(f"+{msisdn}")


@pytest.mark.parametrize(
    ("prefix", "country"),
    [("7", None), ("79", "RU"), ("7916", "RU"), ("77", "KZ"), ("7601", "KZ"), ("49", "DE"), ("4", None), ("4915", "DE"),
     ("380", "UA"), ("38", None), ("1", None), ("1204", None), ("800", None), ("999", None)],
)  # fmt: skip
def test_the_country_of_a_prefix_is_the_one_of_all_its_numbers(prefix: str, country: str | None) -> None:
    """First digits have a country when all numbers that begin so are there; shared codes have none."""
    assert country_of_prefix(prefix) == country
