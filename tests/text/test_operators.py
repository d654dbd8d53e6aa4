"""Operators' names as three sources write them, bare network codes and region codes."""

import pytest

from pointsman.message import Msisdn
from pointsman.text import OperatorMatch, bundled_networks, network_by_mnc, operator_network, region_name
from pointsman.text.operators import _NAMES


@pytest.mark.trap("H08")
@pytest.mark.parametrize(
    ("text", "mccmnc", "region"),
    [
        ("ОАО Вымпел-Коммуникации(Москва)", "25099", "Москва"),
        ('ПАО "Вымпел-Коммуникации"', "25099", None),
        ("Билайн", "25099", None),
        ("mMTS", "25001", None),
        ("mMEGAFON", "25002", None),
        ('ПАО "Мобильные ТелеСистемы"', "25001", None),
        ("Публичное акционерное общество «Мобильные ТелеСистемы»", "25001", None),
        ("ПАО «МТС» ( Санкт-Петербург )", "25001", "Санкт-Петербург"),
        ("МегаФон ПАО", "25002", None),
        ('ООО "Т2 Мобайл"', "25020", None),
        ('ООО "Т-МОБ"', "25062", None),
        ('ООО "Скартел"', "25011", None),
        ('ООО "ЕКАТЕРИНБУРГ-2000"', "25035", None),
        ("МТС ()", "25001", None),
    ],
)
def test_names_of_operators(text: str, mccmnc: str, region: str | None) -> None:
    """Legal forms, quotes, hyphens, capitals and SMStele's `m` do not hide an operator; brackets hold the region."""
    assert OperatorMatch(mccmnc, region) == operator_network(text)


@pytest.mark.trap("H08")
@pytest.mark.parametrize(
    "text", ["", "ООО", "(Москва)", 'ООО "МТС-Банк"', "Mmts", "m", 'ООО "К-телеком"', "АО МТТ", "Т Банк"]
)
def test_unknown_names_are_not_guessed(text: str) -> None:
    """A name that only resembles an operator, or belongs to one with several networks, gives nothing."""
    assert operator_network(text) is None


def test_every_named_network_is_listed() -> None:
    """Each code of the table of names is a Russian network of the bundled table."""
    assert ["RU"] * len(_NAMES) == [network.country if (network := bundled_networks().find(c)) else c for c in _NAMES]


@pytest.mark.parametrize(
    ("to", "mnc", "mccmnc"),
    [
        ("79161234567", "01", "25001"),
        ("79261234567", "02", "25002"),
        ("79161234567", "1", None),
        ("79161234567", "", None),
        ("79161234567", "0x", None),
        ("79161234567", "٠١", None),
        ("77012345678", "01", None),
        ("85267202829", "01", None),
    ],
)
def test_bare_network_codes(to: str, mnc: str, mccmnc: str | None) -> None:
    """Two digits are completed with 250 for a Russian number, never for one of Kazakhstan or anywhere else."""
    assert mccmnc == network_by_mnc(Msisdn(to), mnc)


@pytest.mark.parametrize(
    ("code", "name"),
    [("77", "Москва"), ("78", "Санкт-Петербург"), ("01", "Республика Адыгея"), ("1", None), ("00", None), ("", None)],
)
def test_region_codes(code: str, name: str | None) -> None:
    """A region code of two digits has a name; anything else has none."""
    assert name == region_name(code)
