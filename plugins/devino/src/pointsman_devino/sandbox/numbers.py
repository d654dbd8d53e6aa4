"""What is known of numbers by how they begin: whose they are and what time it is there. Samples, not a number plan."""

from collections.abc import Mapping
from typing import TypeVar

OPERATORS: Mapping[str, tuple[str, str | None]] = {
    "7": ("Россия", None),
    "7903": ("Россия", "ОАО Вымпел-Коммуникации(Москва)"),
    "7916": ("Россия", "ОАО Мобильные ТелеСистемы(Москва)"),
    "7926": ("Россия", "ОАО МегаФон(Москва)"),
}
"""Country and operator as lookups tell them."""
ZONES: Mapping[str, float] = {
    "7": 3,  # Moscow
    "7401": 2,  # Kaliningrad
    "7423": 10,  # Vladivostok, fixed lines
    "7924": 10,  # the Far East
    "77": 5,  # Kazakhstan
    "380": 2,  # Ukraine, in winter
}
"""Hours that the recipient's clock is ahead of UTC; no summer time. Other numbers live by UTC."""

T = TypeVar("T")


def by_prefix(table: Mapping[str, T], number: str, otherwise: T) -> T:
    """Return what the longest prefix of a number that is listed stands for."""
    known = [prefix for prefix in table if number.startswith(prefix)]
    return table[max(known, key=len)] if known else otherwise
