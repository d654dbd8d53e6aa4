"""The short way to a plain mobile number agrees with libphonenumber's own."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from pointsman.text.msisdn import _Facts, _parsed_facts
from pointsman.text.plan import plain_mobile

CODES = st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


@settings(max_examples=3000, deadline=None)
@given(code=CODES, national=st.text("0123456789", min_size=4, max_size=12))
def test_any_digits_are_judged_alike(code: int, national: str) -> None:
    """What the short way calls a mobile number of a country, the parser calls so too, with the same digits."""
    digits = f"{code}{national}"
    country = plain_mobile(digits)

    if country is not None:
        assert _parsed_facts(digits) == _Facts(digits, PhoneNumberType.MOBILE, country)


@settings(max_examples=2000, deadline=None)
@given(
    start=st.sampled_from(
        ["79", "77", "770", "7800", "7495", "37529", "380", "4915", "447", "1202", "52", "549", "39"]
    ),
    rest=st.text("0123456789", min_size=5, max_size=11),
)
def test_neighbourhoods_of_shared_and_odd_plans_are_judged_alike(start: str, rest: str) -> None:
    """Country codes that are shared, and plans with odd prefixes, give no other result than the parser."""
    country = plain_mobile(start + rest)

    if country is not None:
        assert _parsed_facts(start + rest) == _Facts(start + rest, PhoneNumberType.MOBILE, country)


@pytest.mark.parametrize(
    ("digits", "country"),
    [("79161234567", "RU"), ("77012345678", "KZ"), ("375291234567", "BY"), ("380505142320", "UA")],
)
def test_mobile_numbers_of_the_region_take_the_short_way(digits: str, country: str) -> None:
    """The numbers that make up the traffic are decided without the parser."""
    assert plain_mobile(digits) == country


@pytest.mark.parametrize("digits", ["74951234567", "78001234567", "12025550123", "70000000001", ""])
def test_anything_else_is_left_to_the_parser(digits: str) -> None:
    """Fixed lines, service numbers, shared patterns and nonsense do not take the short way."""
    assert plain_mobile(digits) is None
