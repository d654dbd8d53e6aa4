"""What lookups tell about numbers by their range: guesses, counts, and forgetting."""

import pytest

from pointsman.message import Network, NetworkSource
from pointsman.outcome import LookupResult, LookupState
from pointsman.routing.ported import DEAD, MOST_NETWORKS, MOST_RANGES, PORTED, TOLD, Porting

MTS = Network("RU", "25001", NetworkSource.RANGE)
OTHERS = frozenset({"25001", "25002", "25020"})


def found(mccmnc: str) -> LookupResult:
    """Return the answer of a number that a network serves."""
    return LookupResult(state=LookupState.REACHABLE, network=Network("RU", mccmnc, NetworkSource.HLR))


GONE = LookupResult(state=LookupState.NONEXISTENT)


def test_before_any_lookup_the_guess_counts():
    """One in ten is taken to be ported, to the others alike, and one in fifty not to exist."""
    odds = Porting().odds(MTS, OTHERS)

    assert dict(odds.networks) == pytest.approx({"25001": 1 - PORTED, "25002": PORTED / 2, "25020": PORTED / 2})
    assert odds.networks[0][0] == "25001"
    assert (odds.dead, odds.told, odds.evidence) == pytest.approx((DEAD, TOLD, 0.0))


def test_a_number_of_unknown_range_may_be_of_any_network():
    """Without a range every network that is known of is as likely as its market is large."""
    porting = Porting()
    assert dict(porting.odds(Network("RU"), OTHERS).networks) == pytest.approx(dict.fromkeys(OTHERS, 1 / 3))
    for _ in range(40):
        porting.note(MTS, found("25002"))
    shares = dict(porting.odds(Network("RU"), OTHERS).networks)
    assert shares["25002"] > 0.8
    assert shares["25001"] == pytest.approx(shares["25020"])


def test_nobody_else_is_known_of():
    """Where no other network is known, all numbers are taken to stay."""
    assert Porting().odds(MTS, ()).networks == (("25001", 1.0),)
    assert Porting().odds(Network(None), ()).networks == ()


def test_what_is_found_outweighs_the_guess():
    """A hundred lookups of which a third found another network and a fifth nothing are believed."""
    porting = Porting()
    for place in range(120):
        porting.note(MTS, GONE if place % 5 == 0 else found("25099" if place % 3 == 0 else "25001"))
    odds = porting.odds(MTS, OTHERS)

    assert odds.dead == pytest.approx(0.2, abs=0.03)
    assert dict(odds.networks)["25099"] == pytest.approx(1 / 3, abs=0.06)
    assert sum(share for _, share in odds.networks) == pytest.approx(1.0)


def test_one_range_says_little_about_the_others():
    """Dead numbers in one range make those of another likelier, but not as likely."""
    porting = Porting()
    for _ in range(30):
        porting.note(MTS, GONE)
    here, there = porting.odds(MTS, OTHERS).dead, porting.odds(Network("RU", "25002"), OTHERS).dead

    assert here > 0.8
    assert DEAD < there < here


def test_the_past_is_forgotten():
    """What was so a thousand lookups ago does not count any more."""
    porting = Porting()
    for _ in range(300):
        porting.note(MTS, GONE)
    for _ in range(1500):
        porting.note(MTS, found("25001"))

    assert porting.odds(MTS, OTHERS).dead < 0.01


def test_lookups_that_tell_nothing_lower_the_hope():
    """The share of lookups that tell anything in time is counted."""
    porting = Porting()
    for place in range(200):
        porting.asked(told=place % 2 == 0)

    assert porting.odds(MTS, OTHERS).told == pytest.approx(0.5, abs=0.1)


def test_memory_is_bounded():
    """However many ranges and networks are heard of, only so many are remembered and reckoned with."""
    porting = Porting()
    for place in range(MOST_RANGES + 10):
        porting.note(Network("RU", f"{place:06d}"), found(f"{place:06d}"))

    assert repr(porting) == f"<Porting ranges={MOST_RANGES}>"
    assert len(porting.odds(MTS, OTHERS).networks) == MOST_NETWORKS
