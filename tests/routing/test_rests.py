"""What a refusal takes out of use, for how long, and what ends it."""

from math import inf

import msgspec
import pytest

from pointsman.message import Channel
from pointsman.outcome import Accepted, Fault, Outcome, Refused, Unknown, UnknownReason
from pointsman.routing.failover import RULES
from pointsman.routing.rests import Rest, Rests, Scope

MINUTE, HOUR = 60.0, 3600.0
SMS, VIBER = Channel.SMS, Channel.VIBER
TAKEN = Accepted(ids=("1",))
LOST = Unknown(reason=UnknownReason.TIMEOUT)


def refused(fault: Fault) -> Refused:
    """Return a refusal."""
    return Refused(fault=fault)


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A use of a provider that a rest may concern."""

    provider: str = "p"
    channel: Channel = SMS
    sender: str | None = "SHOP"


HERE = Use()
OTHER_SENDER, NO_SENDER = Use(sender="BANK"), Use(sender=None)
OTHER_CHANNEL, OTHER_PROVIDER = Use(channel=VIBER, sender="BANK"), Use(provider="q")
SENDER_ELSEWHERE = Use(channel=VIBER)
USES = (HERE, OTHER_SENDER, NO_SENDER, OTHER_CHANNEL, SENDER_ELSEWHERE, OTHER_PROVIDER)


def note(
    rests: Rests,
    outcome: Outcome,
    now: float,
    *,
    use: Use = HERE,
    message: str = "m",
    started: float | None = None,
) -> Rest | None:
    """Note an outcome of a use."""
    return rests.note(use.provider, use.channel, use.sender, message, outcome, now, started_at=started)


def blocks(rests: Rests, now: float, use: Use = HERE) -> bool:
    """Say whether a use is out of the question."""
    return rests.blocking(use.provider, use.channel, use.sender, now) is not None


def enter(rests: Rests, now: float) -> None:
    """Let a message through."""
    rests.enter(HERE.provider, HERE.channel, HERE.sender, now)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault leads to, once it came often enough."""

    scope: Scope
    times: int = 1
    """Refusals, of different messages, that it takes."""
    lasts: float = inf
    probe: float = inf
    """Seconds until one message may try."""
    alert: bool = False
    out: tuple[Use, ...]
    """What is out of use; everything else goes on."""


WHOLE = (HERE, OTHER_SENDER, NO_SENDER, OTHER_CHANNEL, SENDER_ELSEWHERE)
CONSEQUENCES: dict[Fault, Row | None] = {
    Fault.RECIPIENT: None,
    Fault.CONTENT: None,
    Fault.REQUEST: Row(
        scope=Scope.OPERATION, times=3, lasts=10 * MINUTE, alert=True, out=(HERE, OTHER_SENDER, NO_SENDER)
    ),
    Fault.LIMIT: None,
    Fault.UNSUPPORTED: Row(scope=Scope.CHANNEL, out=(HERE, OTHER_SENDER, NO_SENDER)),
    Fault.SENDER: Row(scope=Scope.SENDER, lasts=24 * HOUR, alert=True, out=(HERE, SENDER_ELSEWHERE)),
    Fault.DECLINED: Row(scope=Scope.PROVIDER, times=5, lasts=15 * MINUTE, out=WHOLE),
    Fault.CREDENTIALS: Row(scope=Scope.PROVIDER, probe=30 * MINUTE, alert=True, out=WHOLE),
    Fault.FORBIDDEN: Row(scope=Scope.PROVIDER, probe=30 * MINUTE, alert=True, out=WHOLE),
    Fault.CREDITS: Row(scope=Scope.PROVIDER, probe=15 * MINUTE, alert=True, out=WHOLE),
    Fault.THROTTLED: None,
    Fault.UNAVAILABLE: None,
    Fault.NO_ROUTE: None,
}
"""Written down from the descriptions of the router and of the providers, not from the code."""
RESTING = {fault: row for fault, row in CONSEQUENCES.items() if row is not None}


def bring_about(rests: Rests, fault: Fault, row: Row, now: float = 0.0) -> Rest | None:
    """Note refusals until the row's consequence is due."""
    begun = [note(rests, refused(fault), now, message=f"m{count}") for count in range(row.times)]

    assert begun[:-1] == [None] * (row.times - 1)
    return begun[-1]


def test_every_fault_has_a_row() -> None:
    """The table of this test and the table of the code know the same faults."""
    assert set(CONSEQUENCES) == set(Fault) == set(RULES)


@pytest.mark.parametrize("fault", [fault for fault, row in CONSEQUENCES.items() if row is None])
def test_faults_that_rest_nobody(fault: Fault) -> None:
    """However often it comes, nothing is taken out of use: it says nothing about the provider, or others judge it."""
    rests = Rests()

    assert [note(rests, refused(fault), 0.0, message=f"m{count}") for count in range(20)] == [None] * 20
    assert not any(blocks(rests, 0.0, use) for use in USES)


def test_an_unknown_outcome_rests_nobody() -> None:
    """What nobody knows is judged by the breaker alone."""
    rests = Rests()

    assert [note(rests, LOST, 0.0) for _ in range(20)] == [None] * 20
    assert not blocks(rests, 0.0)


@pytest.mark.parametrize("fault", RESTING)
def test_the_consequence_has_its_scope_and_times(fault: Fault) -> None:
    """A refusal takes exactly its scope out of use, tells how long, and whether somebody must be told."""
    rests, row = Rests(), RESTING[fault]
    rest = bring_about(rests, fault, row, 100.0)

    assert rest is not None
    assert (rest.scope, rest.fault, rest.alert) == (row.scope, fault, row.alert)
    assert (rest.until - 100.0, rest.probe_at - 100.0) == (row.lasts, row.probe)
    assert tuple(use for use in USES if blocks(rests, 100.0, use)) == row.out
    assert list(rests) == [rest]


@pytest.mark.parametrize("fault", RESTING)
def test_the_rest_ends(fault: Fault) -> None:
    """It blocks to its last moment; then it ends by itself, or one message may try, or only the operator ends it."""
    rests, row = Rests(), RESTING[fault]
    bring_about(rests, fault, row)
    end = min(row.lasts, row.probe)

    if end == inf:
        assert blocks(rests, 1e12)
    else:
        assert blocks(rests, end - 0.001)
        assert not blocks(rests, end)
    rests.clear("p")
    assert not blocks(rests, 0.0)
    assert list(rests) == []


@pytest.mark.parametrize("fault", RESTING)
def test_an_accepted_message_ends_it(fault: Fault) -> None:
    """That a message was taken proves the contrary, in the scope of the rest and no wider."""
    rests, row = Rests(), RESTING[fault]
    bring_about(rests, fault, row)
    note(rests, TAKEN, 1.0, use=OTHER_PROVIDER)
    assert blocks(rests, 1.0)
    note(rests, TAKEN, 1.0)

    assert not blocks(rests, 1.0)


@pytest.mark.parametrize("fault", [fault for fault, row in RESTING.items() if row.probe < inf])
def test_one_message_may_try(fault: Fault) -> None:
    """When a probe is due, exactly one message is let through; without news the next one is due as long after it."""
    rests, row = Rests(), RESTING[fault]
    bring_about(rests, fault, row)
    now = row.probe
    assert not blocks(rests, now)
    enter(rests, now)

    assert blocks(rests, now)
    assert blocks(rests, now + row.probe - 0.001)
    assert not blocks(rests, now + row.probe)


def test_entering_before_a_probe_is_due_changes_nothing() -> None:
    """A message that was on its way already does not take the probe's place."""
    rests = Rests()
    note(rests, refused(Fault.CREDENTIALS), 0.0)
    enter(rests, 10.0)

    assert not blocks(rests, 30 * MINUTE)


def credit_intervals(rests: Rests, probes: int, now: float = 0.0) -> list[float]:
    """Let every probe be refused for want of money; return how long each rest was, in minutes."""
    lengths = []
    note(rests, refused(Fault.CREDITS), now)
    for _ in range(probes):
        (rest,) = rests
        lengths.append((rest.probe_at - now) / MINUTE)
        now = rest.probe_at
        enter(rests, now)
        note(rests, refused(Fault.CREDITS), now + 1.0)
        now += 1.0
    return lengths


def test_rests_for_want_of_money_double() -> None:
    """Each probe that is refused doubles the rest from 15 minutes to 2 hours, where it stays for years."""
    assert credit_intervals(Rests(), 6) == [15.0, 30.0, 60.0, 120.0, 120.0, 120.0]
    assert set(credit_intervals(Rests(), 5000)[4:]) == {120.0}


def test_messages_in_flight_do_not_double_it() -> None:
    """Refusals of messages that left before the rest began are no news: they neither double it nor alert again."""
    rests = Rests()
    first = note(rests, refused(Fault.CREDITS), 0.0)

    assert first is not None
    assert [note(rests, refused(Fault.CREDITS), 1.0, message=f"m{count}") for count in range(20)] == [None] * 20
    (rest,) = rests
    assert rest.probe_at == 1.0 + 15 * MINUTE


def test_a_refused_probe_is_news() -> None:
    """When the message that may try is refused as well, somebody is told again."""
    rests = Rests()
    note(rests, refused(Fault.CREDENTIALS), 0.0)
    enter(rests, 30 * MINUTE)

    assert note(rests, refused(Fault.CREDENTIALS), 30 * MINUTE) is not None


@pytest.mark.parametrize("way", ["balance", "accepted"])
def test_money_starts_the_doubling_afresh(way: str) -> None:
    """After a balance that suffices, or an accepted message, the next rest is 15 minutes again."""
    rests = Rests()
    credit_intervals(rests, 3)
    assert rests.wants_money("p") is True
    if way == "balance":
        rests.balance_read("p", sufficient=True)
    else:
        note(rests, TAKEN, 0.0)

    assert rests.wants_money("p") is False
    assert not blocks(rests, 0.0)
    assert credit_intervals(rests, 2) == [15.0, 30.0]


def test_too_little_money_ends_nothing() -> None:
    """A balance that does not suffice leaves the rest as it is."""
    rests = Rests()
    note(rests, refused(Fault.CREDITS), 0.0)
    rests.balance_read("p", sufficient=False)

    assert blocks(rests, 1.0)


@pytest.mark.parametrize("fault", [Fault.CREDENTIALS, Fault.FORBIDDEN, Fault.SENDER])
def test_money_ends_no_other_rest(fault: Fault) -> None:
    """A sufficient balance says nothing about a wrong password, a blocked account or a sender."""
    rests = Rests()
    note(rests, refused(fault), 0.0)
    rests.balance_read("p", sufficient=True)

    assert rests.wants_money("p") is False
    assert blocks(rests, 1.0)


def test_declined_counts_different_messages() -> None:
    """One message that is declined again and again says nothing; the fifth different one does."""
    rests = Rests()
    for _ in range(20):
        assert note(rests, refused(Fault.DECLINED), 0.0, message="m0") is None
    for count in range(1, 4):
        assert note(rests, refused(Fault.DECLINED), 0.0, message=f"m{count}") is None

    assert note(rests, refused(Fault.DECLINED), 0.0, message="m4") is not None


@pytest.mark.parametrize(("last", "rests_now"), [(10 * MINUTE - 0.001, True), (10 * MINUTE, False)])
def test_declined_counts_ten_minutes(last: float, rests_now: bool) -> None:
    """Five within ten minutes are enough; a first one that is ten minutes old does not count any more."""
    rests = Rests()
    for count in range(4):
        note(rests, refused(Fault.DECLINED), float(count), message=f"m{count}")

    assert (note(rests, refused(Fault.DECLINED), last, message="m4") is not None) is rests_now


def test_declined_starts_afresh_after_a_rest() -> None:
    """After the rest it takes five different messages again."""
    rests = Rests()
    bring_about(rests, Fault.DECLINED, RESTING[Fault.DECLINED])

    assert [note(rests, refused(Fault.DECLINED), 900.0, message=f"n{count}") for count in range(4)] == [None] * 4


@pytest.mark.parametrize(
    ("between", "stops"),
    [
        pytest.param(None, True, id="nothing"),
        pytest.param(LOST, True, id="an unknown outcome"),
        pytest.param(refused(Fault.RECIPIENT), False, id="another refusal"),
        pytest.param(TAKEN, False, id="an accepted message"),
    ],
)
def test_nonsense_counts_in_a_row(between: Outcome | None, stops: bool) -> None:
    """The third refusal of our own making stops the operation, unless an understood request came between."""
    rests = Rests()
    note(rests, refused(Fault.REQUEST), 0.0)
    note(rests, refused(Fault.REQUEST), 0.0)
    if between is not None:
        note(rests, between, 0.0)

    assert (note(rests, refused(Fault.REQUEST), 0.0) is not None) is stops


def test_nonsense_counts_for_each_channel() -> None:
    """What our adapter does on one channel says nothing about another."""
    rests = Rests()
    for use in (HERE, OTHER_CHANNEL):
        assert note(rests, refused(Fault.REQUEST), 0.0, use=use) is None
        assert note(rests, refused(Fault.REQUEST), 0.0, use=use) is None

    assert note(rests, refused(Fault.REQUEST), 0.0) is not None
    assert not blocks(rests, 0.0, OTHER_CHANNEL)


def test_clearing_forgets_the_counters() -> None:
    """After the operator acted, nonsense and declined messages are counted from nothing."""
    rests = Rests()
    for count in range(2):
        note(rests, refused(Fault.REQUEST), 0.0, message=f"m{count}")
    for count in range(4):
        note(rests, refused(Fault.DECLINED), 0.0, message=f"m{count}", use=OTHER_CHANNEL)
    rests.clear("p")

    assert note(rests, refused(Fault.REQUEST), 0.0) is None
    assert note(rests, refused(Fault.DECLINED), 0.0, message="m9") is None


def test_clearing_one_provider_leaves_the_others() -> None:
    """The operator's act is for one provider."""
    rests = Rests()
    note(rests, refused(Fault.FORBIDDEN), 0.0)
    note(rests, refused(Fault.FORBIDDEN), 0.0, use=OTHER_PROVIDER)
    rests.clear("p")

    assert not blocks(rests, 0.0)
    assert blocks(rests, 0.0, OTHER_PROVIDER)


def test_a_shorter_rest_does_not_end_a_longer_one() -> None:
    """Messages declined while the account is blocked do not bring it back after 15 minutes."""
    rests = Rests()
    note(rests, refused(Fault.FORBIDDEN), 0.0)
    for count in range(5):
        assert note(rests, refused(Fault.DECLINED), 1.0, message=f"m{count}") is None

    assert blocks(rests, 16 * MINUTE)


LOCKED_OUT = (Fault.CREDENTIALS, Fault.FORBIDDEN)
JUDGED = {Fault.RECIPIENT, Fault.CONTENT, Fault.SENDER, Fault.DECLINED, Fault.CREDITS}
"""Refusals that only an account that was let in can get."""


@pytest.mark.parametrize("started_at", [99.0, 101.0], ids=["left before", "left after"])
@pytest.mark.parametrize("fault", RESTING)
def test_only_later_messages_end_a_rest(fault: Fault, started_at: float) -> None:
    """An accepted message that left before the rest began proves nothing about what came to light after it."""
    rests, row = Rests(), RESTING[fault]
    bring_about(rests, fault, row, 100.0)
    rests.note(HERE.provider, HERE.channel, HERE.sender, "m", TAKEN, 102.0, started_at=started_at)

    assert blocks(rests, 102.0) is (started_at < 100.0)


@pytest.mark.parametrize("locked", LOCKED_OUT)
@pytest.mark.parametrize("news", [fault for fault in Fault if fault not in LOCKED_OUT])
def test_a_judgement_of_the_message_ends_being_locked_out(locked: Fault, news: Fault) -> None:
    """A provider that looks at number, text, sender or funds has let our account in; others may not have looked."""
    rests = Rests()
    note(rests, refused(locked), 0.0)
    enter(rests, 30 * MINUTE)
    rests.note(HERE.provider, HERE.channel, HERE.sender, "m", refused(news), 1900.0, started_at=1850.0)

    assert (locked in {rest.fault for rest in rests}) is (news not in JUDGED)


def test_a_probe_that_never_left_is_due_again() -> None:
    """When the message that might try was taken back before it left, the next one may try at once."""
    rests = Rests()
    note(rests, refused(Fault.CREDENTIALS), 0.0)
    enter(rests, 30 * MINUTE)
    assert blocks(rests, 31 * MINUTE)
    rests.leave(HERE.provider, HERE.channel, HERE.sender, 31 * MINUTE)

    assert not blocks(rests, 31 * MINUTE)


def test_rests_of_several_scopes_hold_together() -> None:
    """Where a sender and the account are both out, curing one leaves the other."""
    rests = Rests()
    note(rests, refused(Fault.SENDER), 0.0)
    note(rests, refused(Fault.CREDITS), 0.0)
    assert blocks(rests, 0.0, OTHER_SENDER)
    rests.balance_read("p", sufficient=True)

    assert not blocks(rests, 0.0, OTHER_SENDER)
    assert blocks(rests, 0.0, HERE)


def test_nothing_of_the_message_shows() -> None:
    """What a rest shows of itself is scope, provider and subject."""
    rests = Rests()
    note(rests, Refused(fault=Fault.SENDER, detail="text of the provider"), 0.0, message="m-secret")

    assert "text of the provider" not in repr(rests)
    assert "m-secret" not in repr(rests)


# -- messages from before ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", RESTING)
@pytest.mark.parametrize(("started", "ends"), [(99.0, False), (100.0, False), (100.1, True)])
def test_only_a_later_message_ends_a_rest(fault: Fault, started: float, ends: bool) -> None:
    """That a message was taken which left before the rest began proves nothing about what happened since."""
    rests, row = Rests(), RESTING[fault]
    bring_about(rests, fault, row, 100.0)
    note(rests, TAKEN, 130.0, started=started)

    assert blocks(rests, 130.0) is not ends


def test_an_older_message_does_not_end_the_doubling() -> None:
    """While the provider rests for want of money, what it took before leaves the next rest twice as long."""
    rests = Rests()
    note(rests, refused(Fault.CREDITS), 10.0, started=9.0)
    note(rests, TAKEN, 11.0, started=8.0)
    enter(rests, 10.0 + 15 * MINUTE)
    note(rests, refused(Fault.CREDITS), 1000.0, started=10.0 + 15 * MINUTE)

    assert [rest.probe_at for rest in rests] == [1000.0 + 30 * MINUTE]


@pytest.mark.parametrize("fault", [Fault.CREDENTIALS, Fault.CREDITS])
def test_older_refusals_are_no_answer_to_the_probe(fault: Fault) -> None:
    """A refusal that was on its way when the rest began is no news and changes nothing, even while one may try."""
    rests = Rests()
    note(rests, refused(fault), 10.0, started=9.0)
    due = next(iter(rests)).probe_at
    enter(rests, due)
    before = list(rests)

    assert note(rests, refused(fault), due + 1.0, started=8.0) is None
    assert list(rests) == before
    note(rests, TAKEN, due + 2.0, started=due)
    assert list(rests) == []


# -- probes that prove nothing, or more than they seem to --------------------------------------------------------------


@pytest.mark.parametrize("fault", [fault for fault, row in RESTING.items() if row.probe < inf])
def test_after_a_withdrawn_probe_the_next_message_is_the_probe(fault: Fault) -> None:
    """When the message that may try is withdrawn, one other may try instead, and one only."""
    rests, row = Rests(), RESTING[fault]
    bring_about(rests, fault, row)
    enter(rests, row.probe)
    assert blocks(rests, row.probe + 5.0)
    rests.leave(HERE.provider, HERE.channel, HERE.sender, row.probe + 5.0)

    assert not blocks(rests, row.probe + 5.0)
    enter(rests, row.probe + 5.0)
    assert blocks(rests, row.probe + 6.0)


def test_leaving_without_a_probe_changes_nothing() -> None:
    """Where nobody was let through to try, a message that is withdrawn makes no probe due."""
    rests = Rests()
    rests.leave(HERE.provider, HERE.channel, HERE.sender, 0.0)
    note(rests, refused(Fault.FORBIDDEN), 0.0)
    rests.leave(HERE.provider, HERE.channel, HERE.sender, 1.0)

    assert blocks(rests, 1.0)


def test_a_bad_number_from_before_proves_nothing() -> None:
    """What was refused for its number before the account was blocked leaves it blocked."""
    rests = Rests()
    note(rests, refused(Fault.FORBIDDEN), 10.0)
    note(rests, refused(Fault.RECIPIENT), 11.0, started=9.0)

    assert blocks(rests, 12.0)


def test_a_bad_number_says_nothing_about_money() -> None:
    """A probe for want of money that is refused for its number leaves the rest as it is."""
    rests = Rests()
    note(rests, refused(Fault.CREDITS), 0.0)
    enter(rests, 15 * MINUTE)
    note(rests, refused(Fault.RECIPIENT), 15 * MINUTE + 1.0, started=15 * MINUTE)

    assert rests.wants_money("p") is True


def test_want_of_money_takes_the_place_of_a_blocked_account() -> None:
    """A probe that is refused for want of money shows the account in order, and begins the rest for money."""
    rests = Rests()
    note(rests, refused(Fault.FORBIDDEN), 0.0)
    enter(rests, 30 * MINUTE)
    rest = note(rests, refused(Fault.CREDITS), 30 * MINUTE + 1.0, started=30 * MINUTE)

    assert rest is not None
    assert [(one.fault, one.probe_at) for one in rests] == [(Fault.CREDITS, 45 * MINUTE + 1.0)]
