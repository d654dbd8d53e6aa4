"""Codes that nobody enters: a range is stopped when too few of those sent there are confirmed, and not before."""

from pointsman.events import Confirmed
from pointsman.message import MessageClass

from .conftest import NUMBER, Rig

GUARD = 'per_number = []\nmin_confirmed = 0.25\nconfirmed_of = 8\nconfirm_within = "5m"'
ROUTES = '[[routes]]\nname = "codes"\nproviders = ["one"]\nmatch = { class = ["otp"] }\nconfirms = true\n'
REST = '[[routes]]\nname = "rest"\nproviders = ["one"]\n'
OTHER_RANGE = "79169994567"


def confirm(rig, envelope):
    """Let a recipient enter a code."""
    rig.guard(Confirmed(at=rig.clock.now(), message_id=envelope.id))


async def run(rig, sent, confirmed):
    """Send codes, let some be entered, and let the time for entering them pass."""
    codes = [rig.envelope(str(int(NUMBER) - number)) for number in range(sent)]
    for code in codes:
        rig.admit(code)
    for code in codes[:confirmed]:
        confirm(rig, code)
    await rig.pass_time(300)


async def test_too_few_codes_entered():
    """With a share just below the limit the range is stopped, others are not; after an hour it may try again."""
    rig = Rig("", GUARD, ROUTES + REST)
    await run(rig, sent=8, confirmed=1)

    denied = rig.denied(rig.envelope())

    assert denied.rule == "min_confirmed"
    assert "fewer than 25%" in denied.problem
    assert NUMBER[:7] not in str(denied)
    assert rig.rule(rig.envelope(OTHER_RANGE)) is None
    assert rig.rule(rig.envelope(), client="bank") is None
    await rig.pass_time(denied.retry_after)
    assert rig.rule(rig.envelope()) is None


async def test_enough_codes_entered():
    """With just the share that is asked for nothing is stopped."""
    rig = Rig("", GUARD, ROUTES + REST)
    await run(rig, sent=8, confirmed=2)

    assert rig.rule(rig.envelope()) is None


async def test_too_few_to_conclude_anything():
    """One code less than it takes to judge stops nothing, and codes that may yet be entered do not count."""
    rig = Rig("", GUARD, ROUTES + REST)
    await run(rig, sent=7, confirmed=0)

    assert [rig.rule(rig.envelope()) for _ in range(20)] == [None] * 20
    await rig.pass_time(299)
    assert rig.rule(rig.envelope()) is None
    await rig.pass_time(1)
    assert rig.rule(rig.envelope()) == "min_confirmed"


async def test_what_is_no_code_is_left_alone():
    """Other classes, and routes on which nobody confirms, are not judged."""
    rig = Rig("", GUARD, ROUTES + REST)
    for _ in range(20):
        rig.admit(rig.envelope(message_class=MessageClass.TRANSACTIONAL))
    await rig.pass_time(300)
    assert rig.rule(rig.envelope()) is None

    rig = Rig("", GUARD, REST)
    await run(rig, sent=20, confirmed=0)
    assert rig.rule(rig.envelope()) is None


async def test_codes_that_are_taken_back():
    """What was never sent cannot be missing."""
    rig = Rig("", GUARD, ROUTES + REST)
    for _ in range(10):
        rig.admit(rig.envelope()).take_back()
    await rig.pass_time(300)

    assert rig.rule(rig.envelope()) is None
