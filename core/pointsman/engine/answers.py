"""What asking a provider gave, as values to show."""

from collections.abc import Iterable

import msgspec

from pointsman.plugin import Statistics, Window

COUNTS = ("sent", "delivered", "errors", "in_process", "expired", "rejected", "total", "total_with_errors")
"""The fields of `Statistics` that can be added up; the ratio cannot."""


class WindowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's figures about one window."""

    window: Window
    figures: Statistics


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's own figures about a span of time. They inform people; nothing is ever decided by them."""

    windows: tuple[WindowFigures, ...]
    """Oldest first, as many as the provider had to be asked for."""
    sums: Statistics
    """The counts of all windows together. A ratio only where there is one window: what it counts is unclear."""


def figures_of(windows: Iterable[WindowFigures]) -> Figures:
    """Return figures with their sums; a count that one of the windows does not tell has none."""
    told = tuple(windows)
    sums = {}
    for name in COUNTS:
        counts = [getattr(one.figures, name) for one in told]
        sums[name] = None if not counts or None in counts else sum(counts)
    ratio = told[0].figures.delivery_ratio if len(told) == 1 else None
    return Figures(windows=told, sums=Statistics(**sums, delivery_ratio=ratio))
