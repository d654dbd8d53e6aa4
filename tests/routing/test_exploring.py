"""Learning is paid from what was put aside for it: a share of what is spent anyway."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Channel, MessageClass, Network
from pointsman.routing.candidate import Candidate, Decision, Ranked, Reason, Subject
from pointsman.routing.exploring import AT_FIRST, SAVED, SHARE, Purse
from pointsman.routing.strategy import Balanced, Terms

SMS = Channel.SMS


def candidate(name: str, price: str, health: float = 0.95, evidence: float = 1000.0) -> Candidate:
    """Return a candidate with a price and a good name."""
    return Candidate(
        provider=name,
        position=0,
        price=None,
        total=None,
        comparable=Decimal(price),
        funds=None,
        health=health,
        evidence=evidence,
        sender=None,
    )


SUBJECT = Subject(channel=SMS, message_class=MessageClass.TRANSACTIONAL, network=Network("RU"), parts=1, prefix="7916")


def decision(*scores: float | None, explored: bool = False) -> Decision:
    """Return a decision whose ranking has these scores; `explored` is said of its first."""
    ranking = [
        Ranked(candidate=candidate(f"p{place}", "1"), score=score, explored=explored and not place)
        for place, score in enumerate(scores)
    ]
    return Decision(
        id="d",
        message_id="m",
        at=0.0,
        route="all",
        strategy="balanced",
        reason=Reason.SCORE,
        ranking=tuple(ranking),
        excluded=(),
        subject=SUBJECT,
    )


def test_at_first_something_is_lent() -> None:
    """Before the first choice nothing may be spent; with it comes the loan, and each choice puts its share aside."""
    purse = Purse()
    assert purse.allowance(SMS) == 0.0
    purse.note(SMS, decision(2.0, 3.0))

    assert purse.allowance(SMS) == pytest.approx((AT_FIRST + SHARE) * 2.0)
    purse.note(SMS, decision(2.0, 3.0))
    assert purse.allowance(SMS) == pytest.approx((AT_FIRST + 2 * SHARE) * 2.0)


def test_who_explores_pays_the_difference() -> None:
    """A choice of another than the best takes from the purse what it is expected to cost more than that."""
    purse = Purse()
    purse.note(SMS, decision(2.0, 3.0))
    before = purse.allowance(SMS)
    purse.note(SMS, decision(5.0, 2.0, explored=True))

    assert purse.allowance(SMS) == pytest.approx(before + SHARE * 2.0 - 3.0)


def test_what_is_put_aside_is_bounded() -> None:
    """However much is sent, no more is kept than so many messages cost, also when prices fall."""
    purse = Purse()
    for _ in range(10_000):
        purse.note(SMS, decision(2.0))
    assert purse.allowance(SMS) == SAVED * 2.0

    purse.note(SMS, decision(1.0))
    assert purse.allowance(SMS) == SAVED * 1.0


def test_each_channel_has_its_own() -> None:
    """What lookups put aside is not spent on messages, and a choice without scores changes nothing."""
    purse = Purse()
    purse.note(Channel.HLR, decision(2.0))
    purse.note(SMS, decision())
    purse.note(SMS, decision(None, None))

    assert purse.allowance(SMS) == 0.0
    assert purse.allowance(Channel.HLR) > 0.0


@pytest.mark.parametrize(
    ("reason", "scores"),
    [(Reason.PRIORITY, (0.0, 1.0)), (Reason.WEIGHT, (0.0, 1.0)), (Reason.FASTEST, (8.0, 9.0)), (Reason.ONLY, (0.0,))],
)
def test_only_scores_that_are_costs_are_reckoned_with(reason: Reason, scores: tuple[float, ...]) -> None:
    """Places and seconds of another route's decisions neither empty the purse of the channel nor fill it."""
    purse = Purse()
    purse.note(SMS, decision(0.02))
    before = purse.allowance(SMS)
    purse.note(SMS, msgspec.structs.replace(decision(*scores), reason=reason))

    assert purse.allowance(SMS) == before


@given(
    prices=st.lists(st.floats(0.01, 10.0), min_size=2, max_size=5),
    chances=st.lists(st.floats(0.05, 1.0), min_size=5, max_size=5),
    evidence=st.lists(st.sampled_from([0.0, 5.0, 30.0, 1000.0]), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_never_more_is_spent_than_was_put_aside(
    prices: Sequence[float], chances: Sequence[float], evidence: Sequence[float], seed: int
) -> None:
    """Over any run the purse stays above zero, so exploring costs no more than the loan and a share of everything."""
    purse, random = Purse(), Random(seed)
    known = [
        candidate(f"p{place}", f"{price:.4f}", chances[place], evidence[place]) for place, price in enumerate(prices)
    ]
    extra = total = 0.0
    for _ in range(300):
        terms = Terms(generator=lambda: random, loss=5.0, allowance=purse.allowance(SMS))
        ranking = Balanced().rank(known, terms)
        scores = [one.score for one in ranking if one.score is not None]
        extra += (ranking[0].score or 0.0) - min(scores)
        total += min(scores)
        purse.note(SMS, decision(*(one.score for one in ranking), explored=ranking[0].explored))
        assert purse.allowance(SMS) >= -1e-9

    assert extra <= AT_FIRST * min(scores) + SHARE * total + 1e-6
