"""An account is never overdrawn, whatever is in flight and whenever its balance is read."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from pointsman.routing.ledger import QUESTION_LIFE, Hold, Ledger

D = Decimal


def told(amount: str, *, floor: str = "0") -> Ledger:
    """Return the ledger of an account whose provider told its balance at 0 s."""
    ledger = Ledger(floor=D(floor))
    ledger.read(D(amount), 0.0)
    return ledger


def held(ledger: Ledger, amount: str) -> Hold:
    """Reserve money that must be there."""
    hold = ledger.hold(D(amount))
    assert hold is not None
    return hold


def test_an_unknown_balance_refuses_nothing() -> None:
    """As long as nobody knows the balance, every price is covered and nothing is claimed to be left."""
    ledger = Ledger(floor=D(100))
    for _ in range(1000):
        held(ledger, "1000000")

    assert (ledger.balance, ledger.available, ledger.covers(None)) == (None, None, True)


def test_the_floor_is_left_alone() -> None:
    """What is below the floor is never used; what is exactly above it is."""
    ledger = told("10", floor="4")

    assert ledger.covers(D("6.01")) is False
    assert ledger.hold(D("6.01")) is None
    held(ledger, "6")
    assert (ledger.balance, ledger.available) == (D(10), D(0))


@pytest.mark.parametrize(("amount", "covered"), [("4", False), ("4.01", True)])
def test_an_unknown_price_needs_something_above_the_floor(amount: str, covered: bool) -> None:
    """A message whose price nobody knows goes as long as anything at all is left."""
    assert told(amount, floor="4").covers(None) is covered


def test_a_free_message_goes_while_the_floor_is_kept() -> None:
    """A price of zero is a known price: it needs nothing, but not less than nothing."""
    assert told("4", floor="4").covers(D(0)) is True
    assert told("3", floor="4").covers(D(0)) is False


def test_a_refusal_gives_the_money_back() -> None:
    """A hold that is settled with nothing leaves the account as it was."""
    ledger = told("10")
    ledger.settle(held(ledger, "7"), D(0), 1.0)

    assert (ledger.balance, ledger.available) == (D(10), D(10))


def test_what_was_really_charged_counts() -> None:
    """The hold is an estimate; what is subtracted in the end is the charge."""
    ledger = told("10")
    ledger.settle(held(ledger, "7"), D("7.5"), 1.0)

    assert (ledger.balance, ledger.available) == (D("2.5"), D("2.5"))


@pytest.mark.parametrize(
    ("charged_at", "asked_at", "left"),
    [
        pytest.param(1.0, 2.0, "100", id="before the question: the reading has it"),
        pytest.param(2.0, 2.0, "95", id="with the question: it may be missing"),
        pytest.param(3.0, 2.0, "95", id="after the question: it may be missing"),
    ],
)
def test_a_reading_replaces_what_it_must_have_seen(charged_at: float, asked_at: float, left: str) -> None:
    """Charges from before the question are in the answer; later ones stay subtracted."""
    ledger = told("100")
    ledger.charge(D(5), charged_at)
    ledger.read(D(100), asked_at)

    assert ledger.balance == D(left)


def test_the_first_reading_races_like_any_other() -> None:
    """Charges that fall between the first question and its answer are remembered for it."""
    ledger = Ledger()
    ledger.charge(D(3), 1.0)
    ledger.charge(D(5), 2.0)
    ledger.read(D(100), 1.5)

    assert ledger.balance == D(95)


def test_our_own_account_keeps_the_books_until_it_is_told() -> None:
    """Where the operator gave an opening balance, charges lower it, and the first reading takes its place."""
    ledger = Ledger(opening=D(50), floor=D(10))
    ledger.charge(D(5), 1.0)
    ledger.charge(D(5), 3.0)

    assert (ledger.balance, ledger.available) == (D(40), D(30))
    ledger.read(D(42), 2.0)
    assert ledger.balance == D(37)
    ledger.read(D(37), 4.0)
    assert ledger.balance == D(37)


def test_an_overtaken_answer_is_not_used() -> None:
    """The answer to an earlier question, arriving last, must not bring back money that is spent."""
    ledger = told("10")
    ledger.charge(D(5), 1.5)
    ledger.read(D(5), 2.0)
    ledger.read(D(10), 1.0)

    assert ledger.balance == D(5)


def test_money_comes_back() -> None:
    """A charge that turns out not to have happened is given back, from our own account and from a told one."""
    own, other = Ledger(opening=D(10)), told("10")
    for ledger in (own, other):
        ledger.settle(held(ledger, "4"), D(4), 1.0)
        ledger.correct(D(-4), 1.0)

    assert (own.balance, other.balance) == (D(10), D(10))


def test_money_does_not_come_back_twice() -> None:
    """A reading that overtook a charge has shown the truth already: correcting the charge would add to it."""
    ledger = told("10")
    ledger.charge(D(4), 1.0)
    ledger.read(D(10), 2.0)
    ledger.correct(D(-4), 1.0)

    assert ledger.balance == D(10)


def test_a_correction_leaves_with_its_charge() -> None:
    """The next reading replaces a charge and its correction together."""
    ledger = told("10")
    ledger.charge(D(4), 1.0)
    ledger.charge(D(1), 5.0)
    ledger.correct(D(-4), 1.0)
    assert ledger.balance == D(9)
    ledger.read(D(10), 3.0)

    assert ledger.balance == D(9)


def test_charges_are_not_kept_for_ever() -> None:
    """Where the balance is never told, only what a first question could still need is remembered."""
    ledger = Ledger()
    for second in range(100_000):
        ledger.charge(D(1), float(second))

    assert len(ledger._spent) == QUESTION_LIFE + 1


@given(
    messages=st.integers(0, 30),
    spare=st.decimals("0", "0.99", places=2),
    floor=st.sampled_from([D(0), D("12.5")]),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_funds_for_k_messages_send_exactly_k(
    messages: int, spare: Decimal, floor: Decimal, data: st.DataObject
) -> None:
    """Exactly as many holds succeed as there is money for, however holds and settlements are mixed."""
    ledger = Ledger(opening=floor + messages + spare, floor=floor)
    in_flight: list[Hold] = []
    granted = 0
    for now in range(messages * 2 + 10):
        settles: bool = data.draw(st.booleans())
        if in_flight and settles:
            ledger.settle(in_flight.pop(data.draw(st.integers(0, len(in_flight) - 1))), D(1), float(now))
        hold = ledger.hold(D(1))
        if hold is not None:
            granted += 1
            in_flight.append(hold)

    assert granted == messages
    assert ledger.available == spare


def test_what_is_owed_is_not_available() -> None:
    """What a delivery is going to cost is on the account until it is charged, and yet not there for others."""
    ledger = told("10")
    hold = held(ledger, "4")
    ledger.owe(("m", 1), D(4))
    ledger.settle(hold, D(0), 1.0)
    assert (ledger.balance, ledger.available) == (D(10), D(6))
    ledger.pay(("m", 1), D(4), 2.0)

    assert (ledger.balance, ledger.available) == (D(6), D(6))


def test_a_debt_counts_once_however_often_it_is_told() -> None:
    """Owing the same twice, and ending it twice, is owing and ending it once."""
    ledger = told("10")
    ledger.owe(("m", 1), D(4))
    ledger.owe(("m", 1), D(4))
    ledger.owe(("m", 2), D(1))
    assert ledger.available == D(5)
    ledger.forgive(("m", 1))
    ledger.forgive(("m", 1))

    assert ledger.available == D(9)


def test_a_reading_leaves_debts_alone() -> None:
    """No reading can have what is charged later; one that has it already only makes us believe in less for a while."""
    ledger = told("10")
    ledger.owe(("m", 1), D(4))
    ledger.read(D(10), 1.0)

    assert ledger.available == D(6)


def test_a_delivery_that_nobody_waited_for_any_more_is_charged() -> None:
    """A delivery that is reported after its debt was given up costs what it costs."""
    ledger = told("10")
    ledger.owe(("m", 1), D(4))
    ledger.forgive(("m", 1))
    ledger.pay(("m", 1), D(4), 1.0)

    assert ledger.available == D(6)


def test_money_that_is_paid_in_can_be_spent() -> None:
    """A top-up adds to what we keep the books of, and to nothing as long as nobody knows what is there."""
    ledger, unknown = Ledger(opening=D(1), floor=D(5)), Ledger()
    ledger.top_up(D(10))
    unknown.top_up(D(10))

    assert (ledger.balance, ledger.available, unknown.balance) == (D(11), D(6), None)


class Provider:
    """An account of so many messages at one coin each, some charged when they are taken and some when delivered."""

    def __init__(self, messages: int, data: st.DataObject) -> None:
        self.truth = D(messages)
        self.ledger = Ledger(opening=D(messages))
        self.data = data
        self.now = 0.0
        self.count = 0
        self.flying: list[tuple[Hold, bool]] = []
        """Holds, and whether the message is charged on delivery."""
        self.owed: list[tuple[str, int]] = []
        self.doubts: list[tuple[float, bool]] = []
        """When an attempt without an answer was settled, and whether it had been taken."""

    def pick(self, places: list) -> object:
        """Take one of several out, whichever it is."""
        return places.pop(self.data.draw(st.integers(0, len(places) - 1)))

    def send(self, *, on_delivery: bool) -> bool:
        """A message goes out if there is money for it."""
        hold = self.ledger.hold(D(1))
        if hold is not None:
            self.flying.append((hold, on_delivery))
        return hold is not None

    def answer(self, outcome: str) -> None:
        """One of those on their way comes to an end."""
        hold, on_delivery = self.pick(self.flying)
        match outcome:
            case "taken" if on_delivery:
                self.count += 1
                self.owed.append(("m", self.count))
                self.ledger.owe(self.owed[-1], D(1))
                self.ledger.settle(hold, D(0), self.now)
            case "taken":
                self.truth -= 1
                self.ledger.settle(hold, D(1), self.now)
            case "refused":
                self.ledger.settle(hold, D(0), self.now)
            case "silent":
                taken = self.data.draw(st.booleans())
                self.truth -= taken
                self.ledger.settle(hold, D(1), self.now)
                self.doubts.append((self.now, taken))

    def report(self, *, delivered: bool) -> None:
        """One of those that were taken arrives, or never will."""
        debt = self.pick(self.owed)
        if delivered:
            self.truth -= 1
            self.ledger.pay(debt, D(1), self.now)
        else:
            self.ledger.forgive(debt)

    def clear_up(self) -> None:
        """It is found out what became of one without an answer."""
        at, taken = self.pick(self.doubts)
        self.ledger.correct(D(0) if taken else D(-1), at)

    def finish(self) -> None:
        """Everything that is open ends, and the balance is read."""
        while self.flying:
            self.answer("taken")
        while self.owed:
            self.report(delivered=True)
        while self.doubts:
            self.clear_up()
        self.now += 1
        self.ledger.read(self.truth, self.now)
        self.now += 1


STEPS = st.lists(
    st.sampled_from(
        ["send", "send later", "taken", "refused", "silent", "delivered", "undelivered", "clear up", "read", "wait"]
    ),
    max_size=80,
)


@given(messages=st.integers(0, 12), steps=STEPS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_with_debts_and_doubts_exactly_k_are_paid_for(messages: int, steps: list[str], data: st.DataObject) -> None:
    """Whatever mixes holds, refusals, silence, deliveries and readings: the account is used up and never overdrawn."""
    provider = Provider(messages, data)
    for step in steps:
        match step:
            case "send" | "send later":
                provider.send(on_delivery=step == "send later")
            case "taken" | "refused" | "silent" if provider.flying:
                provider.answer(step)
            case "delivered" | "undelivered" if provider.owed:
                provider.report(delivered=step == "delivered")
            case "clear up" if provider.doubts:
                provider.clear_up()
            case "read":
                provider.ledger.read(provider.truth, provider.now)
            case "wait":
                provider.now += 1
        available = provider.ledger.available
        assert available is not None
        assert available <= provider.truth - len(provider.owed) - len(provider.flying)
        assert provider.truth >= 0
    provider.finish()
    while provider.send(on_delivery=True):
        provider.finish()

    assert provider.truth == 0
    assert provider.ledger.available == 0


class Account(RuleBasedStateMachine):
    """A provider's account that charges when it pleases, and a ledger that learns of it by answers and readings."""

    messages = Bundle("messages")
    questions = Bundle("questions")
    debts = Bundle("debts")

    def __init__(self) -> None:
        super().__init__()
        self.truth = D(100)
        self.floor = D(10)
        self.ledger = Ledger(floor=self.floor, opening=D(100))
        self.now = 0.0
        self.in_flight: dict[int, Decimal] = {}
        """Prices that the provider has not charged yet, of messages that it may still charge."""
        self.count = 0

    @rule()
    def wait(self) -> None:
        """Time passes; without this, many things happen in one moment."""
        self.now += 1.0

    @rule(target=messages, price=st.integers(1, 30))
    def submit(self, price: int) -> tuple[int, Hold, Decimal] | None:
        """A message goes out only when the account will stay above the floor with everything that is in flight."""
        hold = self.ledger.hold(D(price))
        if hold is None:
            return None
        self.count += 1
        self.in_flight[self.count] = D(price)

        assert self.truth - sum(self.in_flight.values()) >= self.floor
        return self.count, hold, D(price)

    @rule(message=messages)
    def provider_charges(self, message: tuple[int, Hold, Decimal] | None) -> None:
        """The provider takes the money at some moment before it answers."""
        if message is not None:
            self.truth -= self.in_flight.pop(message[0], D(0))

    @rule(message=consumes(messages))
    def accepted(self, message: tuple[int, Hold, Decimal] | None) -> None:
        """The answer arrives: it was taken, so it has been charged."""
        if message is not None:
            self.provider_charges(message)
            self.ledger.settle(message[1], message[2], self.now)

    @rule(message=consumes(messages))
    def never_arrived(self, message: tuple[int, Hold, Decimal] | None) -> None:
        """A request without an answer counts as charged, until it is proved that it was not."""
        if message is None or message[0] not in self.in_flight:
            return
        del self.in_flight[message[0]]
        self.ledger.settle(message[1], message[2], self.now)
        self.unproved = (message[2], self.now)

    unproved: tuple[Decimal, float] | None = None

    @precondition(lambda self: self.unproved is not None)
    @rule()
    def proved_absent(self) -> None:
        """Later it turns out that nothing was sent."""
        assert self.unproved is not None
        self.ledger.correct(-self.unproved[0], self.unproved[1])
        self.unproved = None

    @rule(target=debts, message=consumes(messages))
    def taken(self, message: tuple[int, Hold, Decimal] | None) -> tuple[int, Decimal] | None:
        """A provider that charges on delivery takes the message, unless it has been charged already."""
        if message is None or message[0] not in self.in_flight:
            return None
        self.ledger.owe(("m", message[0]), message[2])
        self.ledger.settle(message[1], D(0), self.now)
        return message[0], message[2]

    @rule(debt=debts)
    def provider_delivers(self, debt: tuple[int, Decimal] | None) -> None:
        """The message arrives and is charged; the report of it is on its way."""
        if debt is not None:
            self.truth -= self.in_flight.pop(debt[0], D(0))

    @rule(debt=consumes(debts))
    def reported(self, debt: tuple[int, Decimal] | None) -> None:
        """The report comes: delivered, if it was charged, or not and never to be."""
        if debt is None:
            return
        if self.in_flight.pop(debt[0], None) is None:
            self.ledger.pay(("m", debt[0]), debt[1], self.now)
        else:
            self.ledger.forgive(("m", debt[0]))

    @rule(target=questions)
    def ask(self) -> tuple[float, list[Decimal]]:
        """A question leaves; the provider has not looked yet."""
        return self.now, []

    @rule(question=questions)
    def provider_looks(self, question: tuple[float, list[Decimal]]) -> None:
        """The provider looks at its books, once for a question."""
        if not question[1]:
            question[1].append(self.truth)

    @rule(question=consumes(questions))
    def answer(self, question: tuple[float, list[Decimal]]) -> None:
        """The answer arrives, perhaps after the answers to later questions."""
        self.provider_looks(question)
        self.ledger.read(question[1][0], question[0])

    @rule(amount=st.integers(1, 50))
    def top_up(self, amount: int) -> None:
        """Somebody pays in; the ledger learns of it by the next reading only."""
        self.truth += amount

    @invariant()
    def believes_no_more_than_there_is(self) -> None:
        """What the ledger would still spend is there beyond everything that is in flight."""
        available = self.ledger.available
        assert available is not None
        assert available <= self.truth - sum(self.in_flight.values()) - self.floor


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
