"""What the recipient's clock shows: zones of regions and countries, and times that come twice or never."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.text import clock_of, country_zone, is_region, moment_of, region_zone
from pointsman.text.regions import _NAMES as REGIONS
from pointsman.text.zones import _countries

ROOT = Path(__file__).parents[2]
WINTER = datetime(2026, 1, 15, tzinfo=UTC)
OFFSETS = {
    2: ["Калининградская область"],
    4: [
        "Астраханская область",
        "Самарская область",
        "Саратовская область",
        "Удмуртская Республика",
        "Ульяновская область",
    ],
    5: [
        "Курганская область",
        "Оренбургская область",
        "Пермский край",
        "Республика Башкортостан",
        "Свердловская область",
        "Тюменская область",
        "Ханты-Мансийский автономный округ — Югра",
        "Челябинская область",
        "Ямало-Ненецкий автономный округ",
    ],
    6: ["Омская область"],
    7: [
        "Алтайский край",
        "Кемеровская область",
        "Красноярский край",
        "Новосибирская область",
        "Республика Алтай",
        "Республика Тыва",
        "Республика Хакасия",
        "Томская область",
    ],
    8: ["Иркутская область", "Республика Бурятия"],
    9: ["Амурская область", "Забайкальский край", "Республика Саха (Якутия)"],
    10: ["Еврейская автономная область", "Приморский край", "Хабаровский край"],
    11: ["Магаданская область", "Сахалинская область"],
    12: ["Камчатский край", "Чукотский автономный округ"],
}
"""Hours ahead of UTC by the law of Russia (federal law 107 of 2011 as amended); all other regions have three."""


def offset(zone: str | None) -> timedelta | None:
    """Return how far a zone is ahead of UTC in winter."""
    assert zone is not None
    return WINTER.astimezone(ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize("region", REGIONS.values())
def test_every_region_has_the_time_of_the_law(region: str) -> None:
    """Each of the 89 regions, as the classifier writes it, has the offset that the law gives it."""
    hours = next((hours for hours, regions in OFFSETS.items() if region in regions), 3)

    assert timedelta(hours=hours) == offset(region_zone(region))


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("Приморский край", "Asia/Vladivostok"),
        ("г. Москва и Московская область", "Europe/Moscow"),
        ("г. Санкт-Петербург и Ленинградская область", "Europe/Moscow"),
        ("Ханты-Мансийский автономный округ - Югра", "Asia/Yekaterinburg"),
        ("Ханты - Мансийский - Югра АО", "Asia/Yekaterinburg"),
        ("Ямало - Ненецкий АО", "Asia/Yekaterinburg"),
        ("Ненецкий АО", "Europe/Moscow"),
        ("Кемеровская область - Кузбасс область", "Asia/Novokuznetsk"),
        ("Республика Саха /Якутия/", "Asia/Yakutsk"),
        ("САХАЛИНСКАЯ ОБЛ.", "Asia/Sakhalin"),
        ("Томская обл.", "Asia/Tomsk"),
        ("Костромская обл.", "Europe/Moscow"),
        ("г.о. Томск|Омская обл.", "Asia/Omsk"),
        ("Чувашская Республика - Чувашия", "Europe/Moscow"),
        ("Самарская область и Саратовская область", None),
        ("Российская Федерация", None),
        ("", None),
    ],
)
def test_spellings_of_regions(region: str, zone: str | None) -> None:
    """Spellings of number ranges; a name that is of several zones or of none tells nothing."""
    assert zone == region_zone(region)


def test_regions_of_the_number_ranges() -> None:
    """Every region of the sample of the regulator's table has a zone."""
    with (ROOT / "tests" / "fixtures" / "def_sample.csv").open(encoding="utf-8-sig") as lines:
        regions = {row["Регион"] for row in csv.DictReader(lines, delimiter=";")}

    assert [region for region in regions if region_zone(region) is None] == []


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("KZ", "Asia/Almaty"),
        ("BY", "Europe/Minsk"),
        ("UA", "Europe/Kyiv"),
        ("GB", "Europe/London"),
        ("DE", "Europe/Berlin"),
        ("RU", None),
        ("US", None),
        ("BR", None),
        ("ES", None),
        ("XX", None),
    ],
)
def test_countries(country: str, zone: str | None) -> None:
    """A country where one time holds has a zone, one with several times has none."""
    assert zone == country_zone(country)


def test_table_of_countries() -> None:
    """Every country of the table has telephone numbers, and every zone exists on this machine."""
    table = _countries()

    assert [country for country in table if not is_region(country)] == []
    assert set(table.values()) <= available_timezones()


@pytest.mark.parametrize(
    ("local", "zone", "moment"),
    [
        ("2026-12-01T09:00:00", "Asia/Vladivostok", "2026-11-30T23:00:00+00:00"),
        ("2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:30:00+00:00"),
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
    ],
    ids=["a plain time", "skipped in spring", "twice in autumn"],
)
def test_moments(local: str, zone: str, moment: str) -> None:
    """A time that comes twice is the first of the two, one that never comes is moved forward by what was skipped."""
    wanted = datetime.fromisoformat(moment).timestamp()

    assert wanted == moment_of(datetime.fromisoformat(local), zone)
    assert wanted == moment_of(datetime.fromisoformat(local).replace(fold=1), zone)


def test_what_the_clock_shows_after_a_skipped_time() -> None:
    """Half past two, skipped in spring, is half past three on the recipient's clock."""
    moment = moment_of(datetime.fromisoformat("2026-03-29T02:30"), "Europe/Berlin")

    assert clock_of(moment, "Europe/Berlin") == datetime.fromisoformat("2026-03-29T03:30")


@given(st.integers(1_700_000_000, 2_000_000_000), st.sampled_from(sorted(set(_countries().values()))))
def test_clock_and_moment_belong_together(moment: int, zone: str) -> None:
    """What a clock shows leads back to the moment, or to the hour before when the clock shows it twice."""
    assert moment - moment_of(clock_of(moment, zone), zone) in {0, 1800, 3600}
