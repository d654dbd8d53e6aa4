"""How the ids of a submit are shared out."""

import pytest

from pointsman.outcome import Accepted, UnknownReason
from pointsman.plugin import Each, Oddity, Whole

A, B = "79001234567", "79160000000"


def ids(*numbers):
    """Write a list of ids as the document does."""
    return "[" + ", ".join(f'"{number}"' for number in numbers) + "]"


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_all_ids_of_one_recipient_are_its_segments(devino, sms_batch, answer, parts):
    """With one recipient there is nothing to share out, however many parts we had counted ourselves."""
    body = ids("579700854169272358", "579700854169272359")
    reading = devino.read_submit(sms_batch(A, parts=parts), answer(body))

    assert Each((Accepted(ids=("579700854169272358", "579700854169272359"), segments=2),)) == reading.value
    assert (reading.lenient, reading.oddities) == (False, ())


@pytest.mark.trap("D21")
def test_a_bulk_gives_all_segments_of_one_recipient_then_all_of_the_next(devino, sms_batch, answer):
    """Two recipients of two segments share four ids by halves."""
    reading = devino.read_submit(sms_batch(A, B, parts=2), answer(ids("58", "59", "60", "61")))

    assert Each((Accepted(ids=("58", "59"), segments=2), Accepted(ids=("60", "61"), segments=2))) == reading.value


@pytest.mark.trap("D21")
@pytest.mark.parametrize(
    ("parts", "body"),
    [
        (1, ids("579700854169272358")),
        (2, ids("1", "2", "3")),
        (2, ids("1", "2")),
        (1, ids("1", "2", "3", "4")),
        (1, ids("1", "1")),
    ],
    ids=["the document's own sample", "indivisible", "too few", "too many", "twice the same"],
)
def test_a_list_of_another_length_is_accepted_but_not_shared_out(devino, sms_batch, answer, parts, body):
    """The messages were taken, so they are not sent again; whose id is whose is not guessed."""
    reading = devino.read_submit(sms_batch(A, B, parts=parts), answer(body))

    assert Each((Accepted(ids=()), Accepted(ids=()))) == reading.value
    assert reading.oddities == (Oddity.IDS_UNMAPPED,)


@pytest.mark.trap("D20", "X02")
@pytest.mark.parametrize(
    "message_id",
    ["579700854169272358", "SAR-W+84333", "GW0261BBD6B3", "SAR-GW01+79160000000-5f3b1972-2-1"],
)
def test_ids_are_opaque(devino, sms_batch, answer, message_id):
    """All shapes of ids that were seen are kept as they are."""
    assert (message_id,) == devino.read_submit(sms_batch(A), answer(ids(message_id))).value.outcomes[0].ids


@pytest.mark.trap("D20", "X02")
def test_long_ids_that_come_as_numbers_stay_distinct(devino, hlr_batch, answer):
    """Ids beyond the exact range of a double keep their last digit."""
    reading = devino.read_submit(hlr_batch(A, B), answer("[703112828852109312, 703112828852109313]"))

    assert Each((Accepted(ids=("703112828852109312",)), Accepted(ids=("703112828852109313",)))) == reading.value


@pytest.mark.trap("D11")
def test_a_list_of_ids_is_a_success_whatever_the_status(devino, sms_batch, answer):
    """Ids prove that the message was taken: a status put on by somebody in between cannot undo it."""
    assert Each((Accepted(ids=("1",), segments=1),)) == devino.read_submit(sms_batch(A), answer(ids("1"), 502)).value


@pytest.mark.parametrize(
    "body", ["[]", "[null]", '[""]', "[1.5]", "[true]", '["a b"]', '[["1"]]', "{}", "null", "1", ""]
)
def test_what_is_no_list_of_ids_leaves_a_submit_unknown(devino, sms_batch, answer, body):
    """Neither taken nor refused: what cannot be read is never a failure."""
    outcome = devino.read_submit(sms_batch(A), answer(body)).value.outcome

    assert UnknownReason.UNREADABLE is outcome.reason


@pytest.mark.trap("H03")
def test_lookups_get_their_ids_by_position(devino, hlr_batch, answer):
    """The answer has one id for each number, in order."""
    reading = devino.read_submit(hlr_batch(A, B), answer(ids("703112828852109312", "703112828852109313")))

    assert Each((Accepted(ids=("703112828852109312",)), Accepted(ids=("703112828852109313",)))) == reading.value


@pytest.mark.trap("H03")
@pytest.mark.parametrize("body", [ids("1"), ids("1", "2", "3"), ids("1", "1")])
def test_lookups_with_another_number_of_ids_are_unknown(devino, hlr_batch, answer, body):
    """A lookup's result would go to the wrong number if the ids were shared out regardless."""
    reading = devino.read_submit(hlr_batch(A, B), answer(body))

    assert isinstance(reading.value, Whole)
    assert UnknownReason.UNREADABLE is reading.value.outcome.reason
    assert reading.oddities == (Oddity.IDS_UNMAPPED,)


def test_a_repaired_answer_is_marked(devino, sms_batch, answer):
    """A list that lost its bracket is read, and the reading says that it was repaired."""
    reading = devino.read_submit(sms_batch(A), answer('["1"'))

    assert (Each((Accepted(ids=("1",), segments=1),)), True) == (reading.value, reading.lenient)
