"""The glossary can be searched by eye, and holds the words that the code is made of."""

import pytest

from pointsman.events import Operation
from pointsman.message import Channel, MessageClass
from pointsman.outcome import SettledBy
from pointsman.routing.breaker import BreakerState

PAGE = "docs/glossary.md"


def test_words_are_in_order_and_once(page):
    """Words stand in the order of the alphabet, and none has two meanings."""
    words = [row[0].strip("*").casefold() for row in page(PAGE).rows("# Glossary")]

    assert words == sorted(set(words))


@pytest.mark.parametrize("closed", [Channel, MessageClass, Operation, BreakerState], ids=lambda closed: closed.__name__)
def test_closed_lists_are_complete(page, closed):
    """Where a word has a closed list of values, the glossary names them all."""
    text = page(PAGE).text

    assert [member.value for member in closed if f"`{member}`" not in text and f"*{member}*" not in text] == []


def test_every_way_to_settle_is_a_word(page):
    """What can settle an attempt is explained under the words that name it."""
    words = {row[0].strip("*") for row in page(PAGE).rows("# Glossary")}

    assert {"reconcile", "report"} <= words
    assert {one.value for one in SettledBy} == {"answer", "reconciled", "report"}
