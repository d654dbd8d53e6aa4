"""Recorded decisions come out as they were made, and what-if is answered by the code that decides."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
import pytest

from pointsman.message import Channel, MessageClass
from pointsman.routing.candidate import Decision, Reason
from pointsman.routing.journal import Entry, Out, candidates_of, entry_of, read_entry, write_entry
from pointsman.routing.price import ChargedOn, PriceRow
from pointsman.routing.replay import MOST_DIFFERENCES, Suppose, replay, survey, what_if
from pointsman.routing.strategy import STRATEGIES, expected_cost, expected_payment
from pointsman.routing.tariff import Tariff

from .deciding import RATES, decisions

GOLDEN = Path(__file__).parent / "golden" / "decisions-1.jsonl"
UNTUNED = frozenset({"cheapest", "priority", "weighted"})
"""Strategies without numbers that may be tuned, so that they choose today what they chose when the file was made."""
D = Decimal


def recorded(decision: Decision) -> Entry:
    """Return a decision as it comes back from a file."""
    return read_entry(write_entry(entry_of(decision)))


def entries(count: int = 300, seed: int = 1) -> list[Entry]:
    """Return some recorded decisions."""
    return [recorded(one) for one in decisions(seed, count)]


def listed(price: str, currency: str = "EUR", **place: str) -> Tariff:
    """Return a price list of one line, for Russia if nothing else is said."""
    where = place or {"country": "RU"}
    return Tariff([PriceRow(channel=Channel.SMS, price=D(price), currency=currency, **where)], RATES)


def option(name: str, amount: str | None, position: int = 0, **changes: object) -> dict[str, object]:
    """Return a candidate as a line of a file has it."""
    cost = {"segment": amount, "total": amount, "currency": "EUR", "compared": amount}
    known = {} if amount is None else {"price": cost, "compared": amount}
    return {"provider": name, "position": position, "health": 0.9, **known, **changes}


def entry(*options: dict[str, object], strategy: str = "cheapest", **changes: object) -> Entry:
    """Return a decision for an OTP in which the first option came first."""
    conditions = {"seed": 1, "currency": "EUR", "loss": 0.0}
    line = {
        "v": 1,
        "id": "m-1",
        "message": "m",
        "at": 5.0,
        "route": "all",
        "strategy": strategy,
        "reason": strategy,
        "channel": "sms",
        "class": "otp",
        "country": "RU",
        "prefix": "7916123",
        "conditions": conditions,
        "options": options,
        "ranking": [{"provider": options[0]["provider"]}] if options else [],
        **changes,
    }
    return read_entry(msgspec.json.encode(line))


# -- exactly ---------------------------------------------------------------------------------------------------------


def test_thousands_of_decisions_come_out_as_they_were_made() -> None:
    """Made, written, read and made again, each decision has the same order, the same scores and the same reason."""
    kinds: Counter[tuple[str, Reason]] = Counter()
    explored = 0
    for decision in decisions(20261128, 8000):
        found = replay([recorded(decision)])
        assert (found.decisions, found.agreed, found.differences) == (1, 1, ())
        kinds[decision.strategy, decision.reason] += 1
        explored += any(one.explored for one in decision.ranking)

    assert {strategy for strategy, _ in kinds} == {*STRATEGIES, ""}
    assert {reason for _, reason in kinds} == set(Reason) - {Reason.PLUGIN}  # a plugin is asked again only where it is
    assert explored > 20


def test_a_record_holds_all_that_a_strategy_may_look_at() -> None:
    """Read back, the candidates are those of the decision in every field but the sender and the line of the list."""
    for decision in decisions(3, 500):
        made = sorted((*(one.candidate for one in decision.ranking), *decision.held_back), key=lambda one: one.position)
        for before, after in zip(made, candidates_of(recorded(decision)), strict=True):
            row = before.price.row if before.price is not None else None
            price = msgspec.structs.replace(after.price, row=row) if after.price is not None else None
            assert msgspec.structs.replace(after, sender=before.sender, price=price) == before


def test_one_number_stands_for_all_chance() -> None:
    """Another seed gives other orders where a strategy draws, so that what is recorded is what decided."""
    drawn = [one for one in entries(3000) if one.strategy == "weighted" and len(one.ranking) > 2]
    others = [
        msgspec.structs.replace(one, conditions=msgspec.structs.replace(one.conditions, seed=one.conditions.seed ^ 1))
        for one in drawn
        if one.conditions is not None
    ]

    assert replay(drawn).agreed == len(drawn) > 10
    assert replay(others).agreed < len(others)


def test_nobody_can_be_told_from_a_record() -> None:
    """A line has neither the text nor the sender nor more than seven digits of the number."""
    for decision in decisions(4, 50):
        line = write_entry(entry_of(decision))
        assert b"secret" not in line
        assert b"SHOP" not in line
        assert len(decision.subject.prefix) == 7


def test_a_record_is_short_and_one_line() -> None:
    """A decision among three takes some hundred bytes, so that millions can be kept."""
    lines = [write_entry(entry_of(one)) for one in decisions(5, 200)]

    assert max(map(len, lines)) < 3000
    assert not any(b"\n" in line for line in lines)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ranking": [{"provider": "b", "score": 1.0}, {"provider": "a", "score": 2.0}]}, "place 1 goes to a instead"),
        ({"ranking": [{"provider": "a", "score": 1.5}, {"provider": "b", "score": 2.0}]}, "the score of a is 1.0"),
        ({"ranking": [{"provider": "a", "score": 1.0}]}, "2 candidates instead of 1"),
        (
            {"ranking": [{"provider": "a", "score": 1.0, "explored": True}, {"provider": "b", "score": 2.0}]},
            "a is no longer tried in order to learn",
        ),
        ({"reason": "score"}, "the reason is cheapest instead of score"),
        ({"strategy": "of_a_plugin"}, "there is no strategy of_a_plugin here"),
        ({"conditions": None}, "it has an order, but not what that was made from"),
    ],
)
def test_differences_have_names(change: dict[str, object], words: str) -> None:
    """Whatever differs is said in words, with the decision's id."""
    ranking = [{"provider": "a", "score": 1.0}, {"provider": "b", "score": 2.0}]
    same = {"ranking": ranking, "reason": "cheapest"}
    options = option("a", "1"), option("b", "2", 1)

    assert replay([entry(*options, **same)]).agreed == 1
    found = replay([entry(*options, **{**same, **change})])
    assert (found.decisions, found.agreed, found.differences[0].id) == (1, 0, "m-1")
    assert words in found.differences[0].what


def test_differences_do_not_fill_the_memory() -> None:
    """All differences are counted, and a thousand of them are named."""
    wrong = entry(option("a", "1"), reason="score")

    found = replay(wrong for _ in range(MOST_DIFFERENCES + 5))
    assert (found.decisions, found.agreed, len(found.differences)) == (MOST_DIFFERENCES + 5, 0, MOST_DIFFERENCES)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"v":2}', b"\xff", b'{"v":1,"id":"a"}', b"null", b"1" * 9])
def test_what_is_no_decision_is_refused(line: bytes) -> None:
    """A line that was cut short, or is of a version to come, is a `ValueError` and nothing else."""
    with pytest.raises(ValueError, match=r"\w"):
        read_entry(line)


# -- compatibility ---------------------------------------------------------------------------------------------------


def test_old_files_are_read() -> None:
    """All that a file of version 1 says is read, and its decisions come out as they were made.

    Those of strategies with numbers that are tuned now and then need not come out the same. If this fails because a
    field was added, give the field a default; if one was renamed or lost, make a version 2 beside this one.
    """
    lines = GOLDEN.read_bytes().splitlines()
    read = [read_entry(line) for line in lines]

    again = [msgspec.json.decode(write_entry(one)) for one in read]
    assert all(map(_says, again, map(msgspec.json.decode, lines)))
    assert {one.strategy for one in read} == {*STRATEGIES, ""}
    found = replay(one for one in read if one.strategy in UNTUNED)
    assert (found.differences, found.decisions > 50) == ((), True)


def test_what_is_paid_and_what_is_risk() -> None:
    """Where a lost message costs nothing and nothing is refused, spared or late, the expected cost is what is paid."""
    checked = 0
    for decision in decisions(6, 300):
        for one in (ranked.candidate for ranked in decision.ranking):
            calm = msgspec.structs.replace(one, owned_up=0.0, taken=1.0, wait=0.0, runway=None)
            assert expected_cost(calm, 0.0) == expected_payment(calm)
            assert expected_cost(one, 1.0) >= expected_payment(one)
            checked += one.pays_on_delivery

    assert checked > 50


# -- what if ---------------------------------------------------------------------------------------------------------


def test_nothing_supposed_changes_nothing() -> None:
    """Without a condition that differs, every decision is for the same provider and costs the same."""
    found = what_if(entries(1000), Suppose())

    assert (found.changed, found.before) == (0, found.after)
    assert found.decisions == sum(found.before.shares.values()) + found.before.nobody
    assert found.currency == "EUR"


def test_without_a_provider() -> None:
    """Who is taken away takes nothing; the decisions that were for him, and no others, go elsewhere."""
    made = [one for one in entries(2000) if not any(option.forced for option in one.options)]
    made = [one for one in made if one.strategy in {"cheapest", "priority"}]
    found = what_if(made, Suppose(without=frozenset({"alpha"})))

    assert found.changed == found.before.shares["alpha"] > 0
    assert "alpha" not in found.after.shares
    assert found.after.nobody > found.before.nobody


def test_another_strategy() -> None:
    """The cheapest strategy spends what the cheapest candidates cost, and expects what they deliver."""
    options = option("a", "3", health=0.9), option("b", "2", 1, health=0.5), option("c", None, 2)
    found = what_if([entry(*options, strategy="priority")] * 2, Suppose(strategy="cheapest"))

    assert (found.decisions, found.changed) == (2, 2)
    assert (found.before.spend, found.after.spend) == (D(6), D(4))
    assert (found.before.delivered, found.after.delivered) == (pytest.approx(1.8), pytest.approx(1.0))
    assert (found.before.shares, found.after.shares) == ({"a": 2}, {"b": 2})
    with pytest.raises(KeyError):
        what_if([entry(*options)], Suppose(strategy="dearest"))


@pytest.mark.parametrize(
    ("tariff", "first"),
    [
        pytest.param(listed("0.5"), "b", id="country"),
        pytest.param(listed("50", "RUB"), "b", id="other currency"),
        pytest.param(listed("0.5", prefix="7916123"), "b", id="prefix"),
        pytest.param(listed("0.5", prefix="7916124"), "a", id="other prefix"),
        pytest.param(listed("1.5"), "a", id="dearer"),
    ],
)
def test_other_prices(tariff: Tariff, first: str) -> None:
    """A list is looked up by network and by the digits that were kept; what was learnt of the old one is forgotten."""
    found = what_if([entry(option("a", "1"), option("b", "2", 1, drift=9.0))], Suppose(tariffs={"b": tariff}))

    assert (found.before.shares, found.after.shares) == ({"a": 1}, {first: 1})
    assert (found.before.spend, found.after.spend < 1) == (1, first == "b")


def test_a_price_that_a_list_does_not_have_is_unknown() -> None:
    """Where the other list says nothing, the price is unknown and not zero."""
    found = what_if([entry(option("a", "1"))], Suppose(tariffs={"a": Tariff([], RATES)}))

    assert (found.before.unpriced, found.after.unpriced, found.after.spend) == (0, 1, D(0))


def test_what_a_lost_message_costs() -> None:
    """A dear loss makes the dear but sound provider the better one; other classes are as they were."""
    cheap = option("cheap", "0.01", health=0.5, evidence=1000.0)
    sound = option("sound", "0.05", 1, health=1.0, evidence=1000.0)
    made = [entry(cheap, sound, strategy="balanced", reason="score", conditions=_told(0.01))]

    assert what_if(made, Suppose(losses={MessageClass.OTP: D(1)})).after.shares == {"sound": 1}
    assert what_if(made, Suppose(losses={MessageClass.MARKETING: D(1)})).after.shares == {"cheap": 1}


def test_a_loss_that_no_policy_says_follows_the_prices() -> None:
    """With a dearer price list a lost message is worth more where the policy does not say; else it stays."""
    cheap = option("cheap", "0.01", health=0.5, evidence=1000.0)
    sound = option("sound", "0.02", 1, health=1.0, evidence=1000.0)
    dear = Suppose(tariffs={"cheap": listed("1"), "sound": listed("2")})
    told, untold = _told(0.01), {**_told(0.01), "loss_told": False}

    for conditions, first in ((told, "cheap"), (untold, "sound")):
        made = [entry(cheap, sound, strategy="balanced", reason="score", conditions=conditions)]
        assert what_if(made, dear).after.shares == {first: 1}


def test_what_is_spent() -> None:
    """Told prices count where they differ from the list; what deliveries cost counts as far as one is expected."""
    cost = {"segment": "1", "total": "2", "currency": "EUR", "compared": "1", "charged_on": ChargedOn.DELIVERY}
    on_delivery = option("a", "2", price=cost, health=0.25)

    assert what_if([entry(option("a", "2", drift=1.5))], Suppose()).before.spend == D(3)
    assert what_if([entry(on_delivery)], Suppose()).before.spend == D("0.5")


def test_currencies_are_not_added_up() -> None:
    """Decisions of routers with different currencies have no sum."""
    other = entry(option("a", "1"), conditions={"seed": 1, "currency": "RUB", "loss": 0.0})

    with pytest.raises(ValueError, match="EUR and RUB"):
        what_if([entry(option("a", "1")), other], Suppose())


def test_survey() -> None:
    """Whoever occurs is known, also who was always left out, with currencies and what they were worth."""
    cost = {"segment": "2", "total": "2", "currency": "RUB", "compared": "0.02"}
    made = entry(option("a", "0.02", price=cost), out=[{"provider": "b", "why": "funds"}])

    found = survey([made])
    assert (found.accounts, found.rates, found.currency) == ({"a": "RUB", "b": None}, {"RUB": D("0.01")}, "EUR")
    assert made.out == (Out("b", "funds"),)


def _says(new: object, old: object) -> bool:
    """Say whether everything of an old line is in a new one."""
    match old:
        case dict():
            return isinstance(new, dict) and all(key in new and _says(new[key], value) for key, value in old.items())
        case list():
            return isinstance(new, list) and len(new) == len(old) and all(map(_says, new, old))
        case _:
            return new == old


def _told(loss: float) -> dict[str, object]:
    return {"seed": Random(1).getrandbits(64), "currency": "EUR", "loss": loss, "loss_told": True}
