"""A decision in words: why the first candidate is first, and why others are none."""

from collections.abc import Mapping
from math import floor, log10
from types import MappingProxyType
from typing import assert_never

from pointsman.routing.candidate import Decision, Exclusion, Ranked, Reason
from pointsman.routing.strategy import expected_payment

LEFT_OUT: Mapping[Exclusion, str] = MappingProxyType(
    {
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
        Exclusion.DRAINED: "the operator lets it have nothing new",
        Exclusion.BREAKER: "is resting after failures",
        Exclusion.RESTING: "is out of use for a while",
        Exclusion.PAUSED: "asked us to wait for longer than the message lives",
        Exclusion.QUARANTINED: "its plugin is out of use",
    }
)
"""Why a provider is left out."""
FEWEST_DECIMALS = 4
DIGITS = 3
"""Of the smallest amount in a sentence."""


def why(decision: Decision) -> str:
    """Return in one sentence why the first is first."""
    if not decision.ranking:
        return "nobody can take it" if decision.route is not None else "no route is for this message"
    first, second = decision.ranking[0], decision.ranking[1] if len(decision.ranking) > 1 else None
    return _forced(decision.reason, first) or _chosen(decision, first, second)


def _forced(reason: Reason, first: Ranked) -> str | None:
    """Say why one was taken that rests after failures; None when none had to be."""
    if reason is Reason.ALL_DOWN:
        return f"{first.candidate.provider}, the best of those that are all resting after failures"
    if reason is Reason.HALF_DOWN:
        return f"{first.candidate.provider}, the best of those that rest after failures: too many of them rest"
    return None


def _chosen(decision: Decision, first: Ranked, second: Ranked | None) -> str:
    name = first.candidate.provider
    match decision.reason:
        case Reason.ONLY:
            return f"{name}, the only one that can take it"
        case Reason.CHEAPEST:
            return f"{name}, the cheapest: {_prices(decision, first, second)}"
        case Reason.PRIORITY:
            return f"{name}, the first of the route that can take it{_next(second)}"
        case Reason.WEIGHT:
            return f"{name}, drawn by weight {_weight(decision, name):g} (the next message may go elsewhere)"
        case Reason.FASTEST:
            return f"{name}, the quickest to deliver: {_times(first, second)}"
        case Reason.SCORE:
            return f"{name}, the least expected cost: {_costs(decision, first, second)}"
        case Reason.PLUGIN:
            return f"{name}, the first by the strategy {decision.strategy}{_next(second)}"
        case Reason.EXPLORE:
            costs = _costs(decision, first, second)
            return f"{name}, which may be better than it seems (a small share of the traffic finds out): {costs}"
        case Reason.ALL_DOWN | Reason.HALF_DOWN | Reason.NONE:
            raise AssertionError("whoever is ranked has a reason, and these were seen to before")
        case _:
            assert_never(decision.reason)


def _costs(decision: Decision, first: Ranked, second: Ranked | None) -> str:
    if first.score is None:
        return "no price is known"
    paid = expected_payment(first.candidate)
    places = _places(first.score, paid)
    # The risk is what is left of the rounded amounts, so that the sum is right for whoever adds it up.
    total, price = round(first.score, places), round(paid, places)
    risk = round(total - price, places) + 0.0  # no zero below zero
    on_delivery = " (charged on delivery)" if first.candidate.pays_on_delivery else ""
    text = (
        f"expected cost {total:.{places}f} {_currency(decision)}"
        f" = price {price:.{places}f}{on_delivery} + risk {risk:.{places}f}"
    )
    return text + _would(second, places)


def _prices(decision: Decision, first: Ranked, second: Ranked | None) -> str:
    if first.score is None:
        return "no price is known"
    places = _places(first.score)
    return f"{first.score:.{places}f} {_currency(decision)}{_would(second, places)}"


def _would(second: Ranked | None, places: int) -> str:
    if second is None:
        return ""
    name = second.candidate.provider
    if second.score is None:
        return f"; what {name} would cost is not known"
    return f"; {name} would cost {second.score:.{places}f}"


def _times(first: Ranked, second: Ranked | None) -> str:
    if first.score is None:
        return "nothing is known of any"
    other = "" if second is None else f"; {second.candidate.provider} {_seconds(second)}"
    return f"{_seconds(first)}, repeats included{other}"


def _seconds(ranked: Ranked) -> str:
    return "is not known" if ranked.score is None else f"{ranked.score:.1f} s"


def _next(second: Ranked | None) -> str:
    return f"; then {second.candidate.provider}" if second is not None else ""


def _weight(decision: Decision, provider: str) -> float:
    return dict(decision.conditions.weights).get(provider, 1.0) if decision.conditions is not None else 1.0


def _currency(decision: Decision) -> str:
    return decision.conditions.currency if decision.conditions is not None else ""


def _places(*amounts: float) -> int:
    """Return as many decimals as show something of the smallest amount that is not zero."""
    smallest = min((abs(amount) for amount in amounts if amount), default=1.0)
    return max(FEWEST_DECIMALS, DIGITS - 1 - floor(log10(smallest)))
