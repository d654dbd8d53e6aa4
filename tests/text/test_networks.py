"""The table of networks: its form, and what it answers."""

import re

import phonenumbers
import pytest

from pointsman.text import KnownNetwork, Networks, bundled_networks


def known(mccmnc: str, country: str | None, operator: str = "Operator", brand: str = "") -> KnownNetwork:
    """A row of the table."""
    return KnownNetwork(mccmnc=mccmnc, country=country, operator=operator, brand=brand)


@pytest.mark.parametrize(
    ("mccmnc", "name"),
    [
        ("25001", "MTS"),
        ("25002", "MegaFon"),
        ("25011", "Yota"),
        ("25020", "Tele2"),
        ("25022", "Vainakh Telecom"),
        ("25035", "MOTIV"),
        ("25099", "Beeline"),
        ("40101", "Beeline"),
        ("25098", None),
        ("", None),
    ],
)
def test_names(mccmnc: str, name: str | None) -> None:
    """A network is called by its brand, else by its operator; an unlisted one has no name."""
    assert name == bundled_networks().name(mccmnc)


def test_countries() -> None:
    """A listed network tells its country, an unlisted one the country of its first three digits if that is one."""
    networks = Networks([known("25001", "RU"), known("23415", "GB"), known("23403", None), known("90103", None)])
    asked = ["25001", "25077", "23415", "23403", "23499", "90199", "99999"]
    assert [networks.country(mccmnc) for mccmnc in asked] == ["RU", "RU", "GB", None, None, None, None]


def test_find_gives_the_whole_row() -> None:
    """The row of a code is found under that code and no other."""
    network = known("25001", "RU")
    networks = Networks([network])
    assert (1, network, None) == (len(networks), networks.find("25001"), networks.find("2501"))


def test_form_of_the_bundled_table() -> None:
    """Every code has five or six digits, every country exists and every network has a name."""
    rows = list(bundled_networks()._by_code.values())
    assert len(rows) > 1500
    assert [row for row in rows if not re.fullmatch(r"[0-9]{5,6}", row.mccmnc)] == []
    assert [row for row in rows if row.country and row.country not in phonenumbers.SUPPORTED_REGIONS | {"XK"}] == []
    assert [row for row in rows if not row.name] == []


def test_networks_of_a_country_are_in_order() -> None:
    """All networks of a country are listed by code, and none of another one."""
    codes = [network.mccmnc for network in bundled_networks().of("RU")]

    assert codes == sorted(codes)
    assert {"25001", "25002", "25099"} <= set(codes)
    assert {bundled_networks().country(code) for code in codes} == {"RU"}
    assert bundled_networks().of("XX") == ()
