"""The verdict itself can fail: each thing that must not be is found when it is, and what may be is let through."""

import msgspec
import pytest

from pointsman.message import Channel
from pointsman.sandbox.delivery import Course, Fate
from pointsman.sandbox.ledger import SandboxMessage

from .asking import Told, untold
from .checks import problems
from .crowd import Posted
from .outage import REPLAY, Outage
from .receiver import Arrival, disorder
from .wishes import Wish

NUMBER = "79160000001"


def posted(channel: str = "sms", message_class: str = "marketing", **more: object) -> Posted:
    """A message that was acknowledged."""
    wish = {key: more.pop(key) for key in ("send_at", "hooked") if key in more}
    return Posted(
        id="m", wish=Wish(number=NUMBER, channel=channel, message_class=message_class, **wish), tries=1, at=8.0, **more
    )


def copy(at: float = 10.0, fate: Fate = Fate.DELIVERED, channel: Channel = Channel.SMS) -> SandboxMessage:
    """A copy that a provider accepted."""
    course = Course(fate=fate, sent_at=at + 0.1, final_at=at + 0.5)
    return SandboxMessage(ids=("1",), channel=channel, to=NUMBER, accepted_at=at, course=course, request_number=1)


def told(state: str, **more: object) -> Told:
    """What the daemon says."""
    return Told(id="m", state=state, **more)


LOST = Fate.UNDELIVERED
SMS, VIBER = copy(), copy(channel=Channel.VIBER)
LOST_VIBER = copy(5.0, LOST, Channel.VIBER)
SENT_INSTEAD = told("delivered", instead=told("delivered"))
STOPPED = {"stopped_at": 9.0, "may_be_stopped": True}

WRONG = {
    "lost": (posted(), None, (), "lost or stuck"),
    "stuck": (posted(), told("sent"), (SMS,), "lost or stuck"),
    "unknown to the daemon": (posted(), told("http 404"), (SMS,), "lost or stuck"),
    "forbidden copy": (posted(), told("delivered", possible_duplicate=True), (SMS, SMS), "2 copies went out"),
    "a third code": (posted("sms", "otp"), told("delivered", possible_duplicate=True), (SMS,) * 3, "3 copies"),
    "silent second code": (posted("sms", "otp"), told("delivered"), (SMS, SMS), "nobody was told"),
    "failed, but sent": (posted(), told("failed"), (SMS,), "is failed, but 1 copies"),
    "delivered, but not": (posted(), told("delivered"), (copy(fate=LOST),), "its copies are ['undelivered']"),
    "undelivered, but not": (posted(), told("undelivered"), (SMS, copy(fate=LOST)), "a copy was delivered"),
    "too early": (posted(send_at=11.0), told("delivered"), (SMS,), "1.00 s before its time"),
    "cancelled, but sent": (posted(may_be_stopped=True), told("cancelled"), (SMS,), "is cancelled, but 1 copies"),
    "cancelled unasked": (posted(), told("cancelled"), (), "nobody asked"),
    "sent when taken back": (posted(**STOPPED), told("delivered", started=(9.9,)), (SMS,), "an attempt began 0.90 s"),
    "told late": (posted(**STOPPED), told("delivered", started=(8.9,)), (copy(12.0),), "a copy went out later"),
    "taken back, not cancelled": (posted(**STOPPED), told("failed"), (), "taken back before anything left"),
    "lookup": (posted("hlr"), told("delivered"), (), "a lookup is delivered"),
    "SMS beside Viber": (posted("viber"), SENT_INSTEAD, (VIBER, SMS), "Viber message that was delivered"),
    "no SMS": (posted("viber"), told("undelivered"), (LOST_VIBER,), "no SMS took its place"),
    "secret SMS": (posted("viber"), told("delivered"), (LOST_VIBER, SMS), "nobody was told of it"),
    "two SMS": (posted("viber"), SENT_INSTEAD, (LOST_VIBER, SMS, SMS), "2 copies went out"),
    "two by Viber": (posted("viber"), told("delivered"), (VIBER, VIBER), "2 copies went out"),
    "two by Viber, and an SMS": (
        posted("viber"), SENT_INSTEAD, (copy(4.9, LOST, Channel.VIBER), LOST_VIBER, SMS), "2 copies went out by Viber"
    ),
    "SMS stuck": (posted("viber"), told("sent", instead=told("sent")), (LOST_VIBER, SMS), "lost or stuck"),
    "SMS lost": (posted("viber"), told("delivered", instead=told("sent")), (LOST_VIBER, SMS), "lost or stuck"),
    "SMS otherwise": (
        posted("viber"), told("failed", instead=told("delivered")), (LOST_VIBER, SMS), "the SMS in its place is"
    ),
    "SMS of a Viber message that was taken back": (
        posted("viber", **STOPPED), told("delivered", instead=told("delivered", started=(9.5,))), (LOST_VIBER, SMS),
        "an attempt began 0.50 s later",
    ),
}  # fmt: skip
RIGHT = {
    "delivered": (posted(), told("delivered"), (SMS,)),
    "failed": (posted(), told("failed"), ()),
    "sent again after a loss": (posted(), told("delivered"), (copy(5.0, LOST), SMS)),
    "second code that was told": (posted("sms", "otp"), told("delivered", possible_duplicate=True), (SMS, SMS)),
    "for later": (posted(send_at=9.0), told("delivered"), (SMS,)),
    "cancelled": (posted(**STOPPED), told("cancelled"), ()),
    "taken back on its way": (posted(**STOPPED), told("delivered", started=(8.9,)), (SMS,)),
    "by Viber": (posted("viber"), told("delivered"), (VIBER,)),
    "SMS instead": (posted("viber"), SENT_INSTEAD, (LOST_VIBER, SMS)),
    "SMS not wanted": (posted("viber", **STOPPED), told("undelivered", started=(4.0,)), (LOST_VIBER,)),
    "resolved": (posted("hlr"), told("resolved"), ()),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_must_not_be_is_found(name: str) -> None:
    """Each of these is a fault, and named."""
    one, known, copies, words = WRONG[name]
    assert any(words in problem for problem in problems(one, known, copies)), list(problems(one, known, copies))


@pytest.mark.parametrize("name", RIGHT)
def test_what_may_be_is_let_through(name: str) -> None:
    """None of these is a fault."""
    one, known, copies = RIGHT[name]
    assert list(problems(one, known, copies)) == []


def arrival(place: int, state: str, body: bytes = b"") -> Arrival:
    """A webhook that came."""
    return Arrival(id=f"msg_j_{place}", message_id="m", state=state, body=body)


def test_webhooks_are_told_in_order() -> None:
    """One that comes again at once is no fault; one that comes after a later one is, and one that changed."""
    first, second = arrival(1, "sent"), arrival(2, "delivered")

    assert disorder((first, first, second, second)) == []
    assert "out of order" in disorder((first, second, first))[0]
    assert "two different things" in disorder((first, msgspec.structs.replace(first, body=b"x")))[0]


def test_every_end_is_told() -> None:
    """A client with an address hears the end of each message, and of the SMS in the place of one."""
    hooked = posted("viber", hooked=True)
    instead = {"m": told("delivered", instead=Told(id="s", state="delivered"))}

    assert untold([hooked], {"m": told("delivered")}, {"m": ["sent"]}) == ["m"]
    assert untold([hooked], {"m": told("delivered")}, {"m": ["sent", "delivered"]}) == []
    assert untold([hooked], instead, {"m": ["undelivered"], "s": ["sent"]}) == ["m"]
    assert untold([hooked], instead, {"m": ["undelivered"], "s": ["delivered"]}) == []
    assert untold([posted()], {"m": told("delivered")}, {}) == []


@pytest.mark.parametrize(
    ("asked_in", "now", "status", "headers", "wrong"),
    [
        (1, 1, 202, {}, 1),
        (1, 1, 202, {REPLAY: "true"}, 0),
        (1, 1, 503, {}, 0),
        (None, 1, 202, {}, 0),
        (1, 2, 202, {}, 0),
    ],
)
def test_nothing_is_promised_in_the_dark(
    asked_in: int | None, now: int, status: int, headers: dict[str, str], wrong: int
) -> None:
    """A promise that is asked for and given without a disk is a fault; what was promised before may be repeated."""
    outage = Outage()
    for _ in range(now):
        outage.begin()

    outage.answered(asked_in, status, "what it said", headers)

    assert len(outage.wrong) == wrong
    assert outage.refused == (status == 503)
