"""Figures of a period."""

from decimal import Decimal

import pytest

from pointsman.outcome import Fault
from pointsman.plugin import Statistics


@pytest.fixture
def figures(devino, answer, window):
    """Read an answer with statistics."""
    return lambda body, status=200: devino.read_statistics(window, answer(body, status))


@pytest.mark.trap("D44")
def test_the_documents_own_figures_are_passed_on_as_they_are(figures, literal):
    """64,665 in total are 9 sent, 7,780 on their way and 56,876 rejected; nothing is computed from them."""
    reading = figures(literal("stats"))

    assert (
        Statistics(
            sent=9,
            delivered=0,
            errors=0,
            in_process=7780,
            expired=0,
            rejected=56876,
            total=64665,
            total_with_errors=64665,
            delivery_ratio=Decimal(0),
        )
        == reading.value
    )
    assert not reading.lenient


@pytest.mark.trap("D44")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"Sent":"9","deliveryratio":"97,5"}', Statistics(sent=9, delivery_ratio=Decimal("97.5"))),
        ('{"Total":5,"DeliveryRatio":0.25}', Statistics(total=5, delivery_ratio=Decimal("0.25"))),
        ('{"Sent":null,"Delivered":0}', Statistics(delivered=0)),
        ('{"Sent":1.5,"Total":2}', Statistics(total=2)),
    ],
)
def test_what_is_not_told_is_not_zero(figures, body, expected):
    """Figures come as numbers or text; a missing one stays unknown."""
    assert expected == figures(body).value


@pytest.mark.parametrize("body", ["", "null", "{}", "[]", "5", "<html></html>", '{"x":1}'])
def test_an_answer_without_figures_is_none(figures, body):
    """It may be asked for again."""
    assert Fault.UNAVAILABLE is figures(body).value.fault


@pytest.mark.trap("D35")
def test_a_window_that_is_too_long_is_our_mistake(figures, literal):
    """The document's own words for it refuse the request; nothing else is blamed."""
    refused = figures(literal("err2"), 400).value

    assert (refused.fault, refused.code) == (Fault.REQUEST, "2")
