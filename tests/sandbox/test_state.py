"""Account, tariff, delivery and ledger, without a server."""

from decimal import Decimal
from random import Random

import pytest

from pointsman.message import Channel
from pointsman.sandbox import (
    Account,
    Course,
    DeliveryPlan,
    Fate,
    Ledger,
    Outcomes,
    OutOfMoney,
    SandboxMessage,
    SandboxRequest,
    Stage,
    Tariff,
)
from pointsman.sandbox.delivery import draw_course
from pointsman.sandbox.ledger import KEPT_WHEN_LIGHT


def message(
    number: int, *, to: str = "79160000001", text: str = "hello", reference: str | None = None
) -> SandboxMessage:
    """An accepted SMS."""
    return SandboxMessage(
        ids=(f"m{number}",),
        channel=Channel.SMS,
        to=to,
        text=text,
        reference=reference,
        accepted_at=0.0,
        course=Course(fate=Fate.DELIVERED, sent_at=1.0, final_at=2.0),
        request_number=number,
    )


def test_account_spends_exactly_what_it_has() -> None:
    """An account can be emptied to the last hundredth, and not beyond."""
    account = Account(Decimal("0.30"), "EUR")
    for _ in range(3):
        account.spend(Decimal("0.10"))

    with pytest.raises(OutOfMoney, match=r"0\.10 EUR wanted, 0\.00 EUR left"):
        account.spend(Decimal("0.10"))
    assert (Decimal(0), Decimal("0.30")) == (account.balance, account.spent)


def test_account_history_explains_the_balance() -> None:
    """Charges and payments are listed with the balance after each."""
    account = Account(Decimal(5), "EUR")
    account.spend(Decimal(2), at=1.0, subject="m1")
    account.top_up(Decimal(10), at=2.0)

    assert [(c.subject, c.amount, c.balance) for c in account.history] == [("m1", 2, 3), ("top-up", -10, 13)]


def test_account_reset() -> None:
    """A reset brings the opening balance back."""
    account = Account(Decimal(5), "EUR")
    account.spend(Decimal(2))
    account.reset()

    assert (account.balance, account.spent, account.history) == (5, 0, [])


@pytest.mark.parametrize(
    ("msisdn", "price"), [("79031234567", "3"), ("79160000000", "2"), ("380501234567", "1"), ("", "1")]
)
def test_tariff_takes_the_longest_prefix(msisdn: str, price: str) -> None:
    """The longest listed prefix decides the price, else the default does."""
    tariff = Tariff(Decimal(1), {"7": Decimal(2), "7903": Decimal(3)})

    assert Decimal(price) == tariff.price(msisdn)


@pytest.mark.parametrize(
    ("fate", "now", "stage"),
    [
        (Fate.DELIVERED, 100.0, Stage.QUEUED),
        (Fate.DELIVERED, 101.0, Stage.SENT),
        (Fate.DELIVERED, 102.9, Stage.SENT),
        (Fate.DELIVERED, 103.0, Stage.FINAL),
        (Fate.STUCK, 100.5, Stage.QUEUED),
        (Fate.STUCK, 1e9, Stage.SENT),
    ],
)
def test_delivery_follows_the_clock(fate: Fate, now: float, stage: Stage) -> None:
    """Stages are a function of the time since acceptance; what is stuck is never final."""
    course = draw_course(DeliveryPlan(), fate, due_at=100.0, lookup=False, random=Random(0))

    assert stage is course.stage(now)


def test_delivery_mix_is_weighted_and_seeded() -> None:
    """Ends are drawn by weight, messages and lookups from mixes of their own, and a seed repeats the draw."""
    plan = DeliveryPlan(messages={Fate.DELIVERED: 9, Fate.EXPIRED: 1}, lookups={Fate.ABSENT: 1})

    def ends(seed: int, *, lookup: bool) -> list[Fate]:
        random = Random(seed)
        return [draw_course(plan, None, due_at=0, lookup=lookup, random=random).fate for _ in range(500)]

    assert ends(3, lookup=False) == ends(3, lookup=False)
    assert 25 < ends(3, lookup=False).count(Fate.EXPIRED) < 80
    assert {Fate.ABSENT} == set(ends(3, lookup=True))


def test_validity_ends_a_slow_delivery() -> None:
    """A message whose delivery would take longer than its validity expires at the end of that."""
    plan = DeliveryPlan(seconds_to_final=100.0)
    course = draw_course(plan, None, due_at=0, expires_at=60.0, lookup=False, random=Random(0))

    assert (course.fate, course.final_at) == (Fate.EXPIRED, 60.0)


def test_outcomes_accept_words_and_refuse_others() -> None:
    """A scripted end may be given as a word; a word that is none is refused at once."""
    outcomes = Outcomes()
    outcomes["79160000001"] = "undelivered"

    assert Fate.UNDELIVERED is outcomes["79160000001"]
    with pytest.raises(ValueError, match="vanished"):
        outcomes["79160000001"] = "vanished"


@pytest.mark.parametrize(
    ("messages", "repeated"),
    [
        ([message(1), message(2, to="79160000002"), message(3, text="other")], []),
        ([message(1), message(2), message(3)], ["m2", "m3"]),
        ([message(1, reference="r"), message(2, text="other", reference="r")], ["m2"]),
        ([message(1, reference="r"), message(2, to="79160000002", reference="r")], []),
    ],
)
def test_duplicates(messages: list[SandboxMessage], repeated: list[str]) -> None:
    """A duplicate is a later message with the same number and text, or the same number and reference."""
    ledger = Ledger()
    for each in messages:
        ledger.took(each)

    assert repeated == [each.id for each in ledger.duplicates()]


def test_light_ledger_is_bounded() -> None:
    """A light ledger counts everything, keeps no request and forgets the oldest messages."""
    ledger = Ledger(light=True)
    for number in range(1, KEPT_WHEN_LIGHT + 11):
        request = SandboxRequest(
            number=number, endpoint="Send", method="POST", path="/", params=(), headers={}, body="", at=0.0
        )
        ledger.arrived(request)
        ledger.took(message(number))

    assert (ledger.calls["Send"], ledger.accepted[Channel.SMS]) == (KEPT_WHEN_LIGHT + 10, KEPT_WHEN_LIGHT + 10)
    assert (ledger.requests, len(ledger.messages)) == ([], KEPT_WHEN_LIGHT)
    assert ledger.message("m10") is None
    assert ledger.message("m11") is not None
