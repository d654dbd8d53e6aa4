"""Why providers are left out of a choice, for people."""

from collections.abc import Iterable

from pointsman.cli.output import Output
from pointsman.routing.candidate import Excluded, Exclusion

WORDS = {
    Exclusion.CHANNEL: "does not offer this channel",
    Exclusion.TOO_LONG: "the text is too long for it",
    Exclusion.FLASH: "cannot show a message at once (flash)",
    Exclusion.SCHEDULE: "cannot keep a message until later, which the route leaves to the provider",
    Exclusion.RESEND: "cannot send an SMS in place of a Viber message itself",
    Exclusion.SENDER_MISSING: "needs a sender, and has no default",
    Exclusion.SENDER_FORM: "the sender is not well formed for it",
    Exclusion.SENDER_NOT_ALLOWED: "the sender is not among those configured",
    Exclusion.TRIED: "had its turn",
    Exclusion.FUNDS: "has not enough money",
    Exclusion.BREAKER: "is resting after failures",
    Exclusion.RESTING: "is out of use for a while",
    Exclusion.PAUSED: "asked us to wait for longer than the message lives",
    Exclusion.QUARANTINED: "its plugin is out of use",
}
"""Each reason in words."""


def show_excluded(excluded: Iterable[Excluded], output: Output) -> None:
    """Write a line for each provider that is left out."""
    output.table(
        ("left out", "~because", "~in detail", "until"),
        [
            (one.provider, WORDS[one.why], one.detail, output.clock_time(one.until) if one.until is not None else None)
            for one in excluded
        ],
    )
