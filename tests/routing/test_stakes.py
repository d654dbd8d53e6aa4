"""The bookkeeping of an attempt without an event loop: what is taken comes back, and each step tells its result."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.message import Channel, Envelope, Money
from pointsman.outcome import Accepted, DeliveryState, Fault, Outcome, Refused, Report, Unknown, UnknownReason
from pointsman.plugin import ChannelLimits
from pointsman.routing.breaker import BreakerSettings, BreakerState
from pointsman.routing.breakers import CellBreakers
from pointsman.routing.candidate import Decision, Exclusion
from pointsman.routing.choose import Chooser, Moment, View
from pointsman.routing.health import Estimate
from pointsman.routing.ledger import Ledger
from pointsman.routing.limiter import Limiter
from pointsman.routing.match import Match, Route
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.rests import Rests, Scope
from pointsman.routing.stakes import Instant, Result, Stake, Stakes
from pointsman.routing.strategy import STRATEGIES
from pointsman.routing.tariff import Rates, Tariff
from pointsman.text import valid_sender

MakeEnvelope = Callable[..., Envelope]
D = Decimal
RATES = Rates("EUR", {})
SILENT = Unknown(reason=UnknownReason.TIMEOUT)
TAKEN = Accepted(ids=("x",))


class Desk:
    """One provider with ten euros that takes two for a message, the chooser, and a clock that a test moves."""

    def __init__(
        self, charged_on: ChargedOn = ChargedOn.SUBMIT, funds: str = "10", confirming: Iterable[str] = ()
    ) -> None:
        row = PriceRow(channel=Channel.SMS, price=D(2), currency="EUR", country="RU", charged_on=charged_on)
        self.ledger = Ledger(opening=D(funds))
        self.breakers = CellBreakers(BreakerSettings(jitter=0.0), Random(1))
        self.rests = Rests()
        self.view = View(
            name="a",
            limits={Channel.SMS: ChannelLimits()},
            senders=frozenset(),
            default_sender="SHOP",
            tariff=Tariff([row], RATES),
            ledger=self.ledger,
            currency="EUR",
            limiter=Limiter(None),
            breakers={Channel.SMS: self.breakers},
        )
        self.now = 100.0
        self.chooser = Chooser({"a": self.view}, self.rests, RATES, STRATEGIES, valid_sender)
        self.stakes = Stakes({"a": self.view}, self.rests, RATES, frozenset(confirming))

    @property
    def instant(self) -> Instant:
        """Now; both clocks tell the same."""
        return Instant(wall=self.now, monotonic=self.now)

    def decide(self, envelope: Envelope) -> Decision:
        """Choose for a message."""
        route = Route(name="all", match=Match(), providers=("a",), strategy="priority")
        moment = Moment(wall=self.now, monotonic=self.now, random=Random(1))
        return self.chooser.choose(envelope, route, moment, decision_id="d")

    def take(self, envelope: Envelope) -> Stake:
        """Take hold for an attempt that must be possible."""
        stake = self.stakes.take(envelope, self.decide(envelope), self.instant).stake
        assert stake is not None
        return stake

    def settle(self, envelope: Envelope, outcome: Outcome, number: int = 1, **fields: bool):
        """Make a whole attempt; return what came of it."""
        stake = self.take(envelope)
        result = Result(outcome=outcome, started_at=self.now, **fields)
        return self.stakes.settle(envelope, number, stake, result, self.instant)


EUR2 = Money(D(2), "EUR")


@pytest.mark.parametrize(
    ("charged_on", "outcome", "price", "due", "balance", "available"),
    [
        (ChargedOn.SUBMIT, TAKEN, EUR2, None, 8, 8),
        (ChargedOn.SUBMIT, Accepted(ids=("x",), price=Money(D(3), "EUR")), Money(D(3), "EUR"), None, 7, 7),
        (ChargedOn.SUBMIT, SILENT, None, None, 8, 8),
        (ChargedOn.SUBMIT, Refused(fault=Fault.CONTENT), None, None, 10, 10),
        (ChargedOn.DELIVERY, TAKEN, None, EUR2, 10, 8),
        (ChargedOn.DELIVERY, Accepted(ids=("x",), price=Money(D(3), "EUR")), Money(D(3), "EUR"), None, 7, 7),
        (ChargedOn.DELIVERY, SILENT, None, None, 8, 8),
        (ChargedOn.DELIVERY, Refused(fault=Fault.CONTENT), None, None, 10, 10),
    ],
)
def test_what_an_outcome_does_to_the_account(
    make_envelope: MakeEnvelope,
    charged_on: ChargedOn,
    outcome: Outcome,
    price: Money | None,
    due: Money | None,
    balance: int,
    available: int,
) -> None:
    """What is charged is booked, what will be is kept back, what may have been counts as spent, a refusal is free."""
    desk = Desk(charged_on)
    settled = desk.settle(make_envelope(), outcome)

    assert (settled.price, settled.on_delivery) == (price, due)
    assert (desk.ledger.balance, desk.ledger.available) == (balance, available)


@pytest.mark.parametrize("charged_on", list(ChargedOn))
def test_who_shares_a_place_pays_nothing(make_envelope: MakeEnvelope, charged_on: ChargedOn) -> None:
    """An equal message that travelled in another's place costs nothing, now or later."""
    desk = Desk(charged_on)
    settled = desk.settle(make_envelope(), TAKEN, shared=True)

    assert (settled.price, settled.on_delivery, desk.ledger.available) == (None, None, 10)


def test_moves_and_rests_are_told(make_envelope: MakeEnvelope) -> None:
    """The attempt that opens a breaker, the one that goes to try, and the one that ends in a rest say so."""
    desk = Desk(funds="100")
    told = [desk.settle(make_envelope(), SILENT, number) for number in range(5)]
    assert [len(one.moves) for one in told] == [0, 0, 0, 0, 1]
    desk.now += 30.0
    decision = desk.decide(make_envelope())
    taken = desk.stakes.take(make_envelope(), decision, desk.instant)
    assert [(move.before, move.after) for move in taken.moves] == [(BreakerState.OPEN, BreakerState.PROBING)]
    assert taken.stake is not None
    refused = Result(outcome=Refused(fault=Fault.CREDITS), started_at=desk.now)
    settled = desk.stakes.settle(make_envelope(), 6, taken.stake, refused, desk.instant)

    assert settled.moves == ()
    assert settled.rest is not None
    assert settled.rest.fault is Fault.CREDITS


def test_an_echo_counts_once(make_envelope: MakeEnvelope) -> None:
    """Of many messages of one lost request one counts against the cell; an echo gives its lease back."""
    desk = Desk(funds="100")
    for number in range(20):
        desk.settle(make_envelope(), SILENT, number, echo=number > 0)

    assert desk.breakers.state(desk.now) is BreakerState.CLOSED
    assert desk.settle(make_envelope(), Refused(fault=Fault.REQUEST), echo=True).rest is None


@pytest.mark.parametrize("gone", ["money", "breaker"])
def test_what_changed_since_the_decision_is_seen(make_envelope: MakeEnvelope, gone: str) -> None:
    """A decision that does not hold any more takes nothing, and leaves everything as it was."""
    desk = Desk()
    decision = desk.decide(make_envelope())
    if gone == "money":
        desk.ledger.charge(D(9), desk.now)
    else:
        desk.breakers.trip(desk.now, "test")
    available = desk.ledger.available
    taken = desk.stakes.take(make_envelope(), decision, desk.instant)

    assert taken.stake is None
    assert desk.ledger.available == available


def test_who_waits_leaves_a_provider_that_went_out_of_use(make_envelope: MakeEnvelope) -> None:
    """A waiting message is out of use when the breaker moved, and a forced one only when the operator says so."""
    desk = Desk(funds="100")
    waiting = desk.take(make_envelope())
    assert not desk.stakes.out_of_use(make_envelope(), waiting, desk.instant)
    for number in range(5):
        desk.settle(make_envelope(), SILENT, number)
    assert desk.stakes.out_of_use(make_envelope(), waiting, desk.instant)
    forced = desk.take(make_envelope())
    assert forced.lease.forced
    assert not desk.stakes.out_of_use(make_envelope(), forced, desk.instant)
    desk.breakers.trip(desk.now, "test")

    assert desk.stakes.out_of_use(make_envelope(), forced, desk.instant)


@pytest.mark.parametrize("own", [None, "OTHER"])
def test_a_report_that_blames_the_sender_blocks_it_there(make_envelope: MakeEnvelope, own: str | None) -> None:
    """The sender that was shown is out of use at this provider for a day, as after an answer; other senders are not."""
    desk = Desk()
    envelope, other = make_envelope(sender=own), make_envelope(sender="THIRD")
    bad = Report(provider_id="x", state=DeliveryState.REJECTED, final=True, fault=Fault.SENDER, code="46")
    rest = desk.stakes.blamed("a", envelope, bad, desk.instant)

    assert rest is not None
    assert (rest.scope, rest.subject, rest.fault, rest.alert) == (Scope.SENDER, own or "SHOP", Fault.SENDER, True)
    [excluded] = desk.decide(envelope).excluded
    assert excluded.why is Exclusion.RESTING
    assert desk.decide(other).chosen is not None
    assert rest.until == desk.now + 24 * 3600.0


@pytest.mark.parametrize("fault", [None, Fault.RECIPIENT, Fault.CREDENTIALS, Fault.UNAVAILABLE])
def test_a_report_blames_nobody_else(make_envelope: MakeEnvelope, fault: Fault | None) -> None:
    """What a report cannot know about, such as an account or a key, puts nothing out of use."""
    desk = Desk()
    bad = Report(provider_id="x", state=DeliveryState.UNDELIVERABLE, final=True, fault=fault)

    assert desk.stakes.blamed("a", make_envelope(), bad, desk.instant) is None
    assert desk.decide(make_envelope()).excluded == ()


OUTCOMES = st.sampled_from(
    [TAKEN, SILENT, None, *[Refused(fault=fault) for fault in (Fault.RECIPIENT, Fault.UNAVAILABLE, Fault.CREDITS)]]
)


@given(steps=st.lists(st.tuples(st.booleans(), OUTCOMES, st.integers(0, 9)), max_size=60), later=st.booleans())
@settings(max_examples=60, deadline=None)
def test_nothing_stays_at_stake(
    make_envelope: MakeEnvelope, steps: list[tuple[bool, Outcome | None, int]], later: bool
) -> None:
    """However attempts begin, end and are handed back: in the end no money is held, no lease out and no probe lost."""
    desk = Desk(ChargedOn.DELIVERY if later else ChargedOn.SUBMIT, funds="40")
    envelope, flying, owed = make_envelope(), [], []

    def end(stake: Stake, outcome: Outcome | None, number: int) -> None:
        if outcome is None:
            desk.stakes.hand_back(envelope, stake, desk.instant)
            return
        result = Result(outcome=outcome, started_at=desk.now)
        if desk.stakes.settle(envelope, number, stake, result, desk.instant).on_delivery is not None:
            owed.append((envelope.id, number))

    for number, (begins, outcome, which) in enumerate(steps):
        desk.now += which
        decision = desk.decide(envelope)
        if begins and decision.chosen is not None:
            stake = desk.stakes.take(envelope, decision, desk.instant).stake
            flying += [stake] if stake is not None else []
        elif flying:
            end(flying.pop(which % len(flying)), outcome, number)
    for stake in flying:
        end(stake, None, 0)
    for debt in owed:
        desk.ledger.forgive(debt)

    assert desk.ledger.available == desk.ledger.balance
    assert all(cell.out == 0 and cell.breaker._probes_out == 0 for cell in desk.breakers._cells.values())
    assert desk.breakers._whole._probes_out == 0


# -- what is learnt ----------------------------------------------------------------------------------------------------

GOOD = Report(provider_id="x", state=DeliveryState.DELIVERED)
BAD = Report(provider_id="x", state=DeliveryState.UNDELIVERABLE)


def expected(desk: Desk, envelope: Envelope) -> Estimate:
    """Return what is expected of the provider now, a moment later so that all is worked out anew."""
    desk.now += 1.0
    return desk.view.health.estimate(envelope.channel, envelope.network, desk.now)


LEARNT = {
    "delivered": ({}, TAKEN, GOOD, 0.9, 1.0),
    "lost": ({}, TAKEN, BAD, 0.0, 1.0),
    "lost after another had lost it": ({"resent": True}, TAKEN, BAD, 0.9, 1.0),
    "a bad number": ({}, TAKEN, Report(provider_id="x", state=BAD.state, fault=Fault.RECIPIENT), 0.9, 1.0),
    "refused by the cell": ({}, Refused(fault=Fault.UNAVAILABLE), None, 0.9, 0.0),
    "refused by the account": ({}, Refused(fault=Fault.LIMIT), None, 0.9, 1.0),
    "in doubt": ({}, SILENT, None, 0.0, 0.0),
    "the echo of another's doubt": ({"echo": True}, SILENT, None, 0.9, 1.0),
}
"""What is said of an attempt, its outcome, its report, and about which chance and share taken they speak for."""


@pytest.mark.parametrize(("fields", "outcome", "report", "chance", "taken"), LEARNT.values(), ids=LEARNT.keys())
def test_what_an_attempt_teaches(
    make_envelope: MakeEnvelope,
    fields: dict[str, bool],
    outcome: Outcome,
    report: Report | None,
    chance: float,
    taken: float,
) -> None:
    """Twenty such attempts move what is expected of the provider by what was its own doing, and by nothing else."""
    desk, envelope = Desk(funds="1000"), make_envelope(deadline=1e6)
    for number in range(20):
        desk.now += 700.0  # so that breakers let everything pass
        desk.settle(envelope, outcome, number, **fields)
        if report is not None:
            desk.now += 1.0
            desk.stakes.reported("a", envelope.id, number, report, desk.instant)
    estimate = expected(desk, envelope)

    assert (estimate.chance > 0.5) == (chance > 0.5)
    assert (estimate.taken > 0.5) == (taken > 0.5)


@pytest.mark.parametrize("confirming", [True, False])
def test_only_routes_that_confirm_wait_for_it(make_envelope: MakeEnvelope, confirming: bool) -> None:
    """A confirmation is taken in where the route says that recipients confirm, and ignored elsewhere."""
    desk, envelope = Desk(funds="1000", confirming=["all"] if confirming else []), make_envelope()
    desk.settle(envelope, TAKEN)
    desk.stakes.confirmed("a", envelope.id, 1, desk.instant)
    line = desk.view.health._lines[Channel.SMS]

    assert ("good=1" in repr(line.confirmed)) == confirming


@pytest.mark.parametrize("fault", [None, *Fault])
def test_what_a_report_puts_out_of_use(make_envelope: MakeEnvelope, fault: Fault | None) -> None:
    """A report that names the sender blocks it there at once; others that a report can name do not."""
    desk, envelope = Desk(), make_envelope()
    report = Report(provider_id="x", state=DeliveryState.REJECTED, fault=fault)
    rest = desk.stakes.blamed("a", envelope, report, desk.instant)

    assert (rest is not None) == (fault is Fault.SENDER)
    if rest is not None:
        assert (rest.scope, rest.subject) == (Scope.SENDER, "SHOP")
        assert desk.decide(envelope).chosen is None
        assert desk.decide(make_envelope(sender="OTHER")).chosen is not None


def test_reports_that_decline_add_up(make_envelope: MakeEnvelope) -> None:
    """As with answers, a provider rests after several different messages that it declined by report."""
    desk = Desk()
    report = Report(provider_id="x", state=DeliveryState.REJECTED, fault=Fault.DECLINED)
    rests = [
        desk.stakes.blamed("a", msgspec.structs.replace(make_envelope(), id=f"m{number}"), report, desk.instant)
        for number in range(5)
    ]

    assert rests[:4] == [None] * 4
    assert rests[4] is not None


def test_told_prices_are_compared_with_the_list(make_envelope: MakeEnvelope) -> None:
    """A provider that charges more than listed is told once, and reckoned with from then on; the list stays."""
    desk = Desk(funds="1000")
    dear = Accepted(ids=("x",), price=Money(D(3), "EUR"))
    drifts = [desk.settle(make_envelope(), dear, number).drift for number in range(8)]
    chosen = desk.decide(make_envelope()).chosen
    assert chosen is not None

    assert [drift.ratio for drift in drifts if drift is not None] == pytest.approx([1.5])
    assert (chosen.comparable, chosen.expected_price) == (D(2), pytest.approx(3.0))


def test_who_shares_a_place_tells_no_price(make_envelope: MakeEnvelope) -> None:
    """What an equal message in another's place seems to cost is not compared."""
    desk = Desk(funds="1000")
    free = Accepted(ids=("x",), price=Money(D(0), "EUR"))
    drifts = [desk.settle(make_envelope(), free, number, shared=True).drift for number in range(8)]

    assert drifts == [None] * 8
