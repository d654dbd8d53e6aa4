"""Why providers are left out of a choice, for people."""

from collections.abc import Iterable

from pointsman.cli.output import Output
from pointsman.routing.candidate import Excluded
from pointsman.routing.words import LEFT_OUT


def show_excluded(excluded: Iterable[Excluded], output: Output) -> None:
    """Write a line for each provider that is left out."""
    output.table(
        ("left out", "~because", "~in detail", "until"),
        [
            (
                one.provider,
                LEFT_OUT[one.why],
                one.detail,
                output.clock_time(one.until) if one.until is not None else None,
            )
            for one in excluded
        ],
    )
