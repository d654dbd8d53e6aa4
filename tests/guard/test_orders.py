"""Whatever orders come, are refused and are taken back: the figures are those of what was let in, within its limits."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import Denied

from .conftest import Rig, numbers

NUMBERS = numbers(4)
ORDERS = st.lists(
    st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.booleans()), min_size=1, max_size=30
)


@given(ORDERS)
def test_figures_are_those_of_what_was_let_in(orders):
    """No cap is exceeded by what is still let in, and messages and money are exactly those of it."""
    rig = Rig('daily_messages = 12\ndaily_spend = "10"', 'per_number = ["4 in 10m"]\nper_country = ["11 in 1h"]')
    rig.prices["RU"] = Decimal(1)
    alive: list[int] = []
    for places, taken_back in orders:
        after = [*alive, *places]
        fits = len(after) <= 10 and all(after.count(place) <= 4 for place in places)
        try:
            counted = rig.admit(*[rig.envelope(NUMBERS[place]) for place in places])
        except Denied:
            assert not fits
            continue
        assert fits
        if taken_back:
            counted.take_back()
        else:
            alive = after

    used = rig.guard.usage()[1]
    assert (used.messages, used.reserved, used.spent) == (len(alive), len(alive), 0)
