"""Fault rules and scripts, without a server."""

from random import Random

import msgspec
import pytest

from pointsman.sandbox import FaultRule, FaultScript, delay, error, faults, hang_after_accept, quirk


def script(*rules: FaultRule, seed: int = 1) -> FaultScript:
    """A script of these rules."""
    made = FaultScript(Random(seed), quirks={"odd"})
    made.add(*rules)
    return made


def codes(made: FaultScript, endpoint: str, count: int) -> str:
    """What a run of requests met: the codes of the rules, a dot for none."""
    return "".join(rule.code if (rule := made.take(endpoint)) else "." for _ in range(count))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([error("a")], "a...."),
        ([error("a", times=2)], "aa..."),
        ([error("a", times=None)], "aaaaa"),
        ([error("a", times=0)], "....."),
        ([error("a", after=2)], "..a.."),
        ([error("a", times=2), error("b")], "aab.."),
        ([error("a", after=1), error("b", after=1)], ".ab.."),
        ([error("a", endpoint="Other", times=None)], "....."),
        ([error("a", endpoint="sms/SEND")], "a...."),
        ([error("a", endpoint="Sms/*")], "a...."),
        ([error("a", probability=0.0, times=None)], "....."),
    ],
)
def test_script(rules: list[FaultRule], expected: str) -> None:
    """Rules strike in the order of the script, as often, as late and where they say."""
    assert expected == codes(script(*rules), "Sms/Send", 5)


def test_probability_is_a_share_and_seeded() -> None:
    """Random faults strike in about the share that was asked for, and the same seed repeats them exactly."""
    rule = error("x", times=None, probability=0.3)
    first, second, other = (codes(script(rule, seed=seed), "Send", 1000) for seed in (7, 7, 8))

    assert first == second
    assert first != other
    assert 250 < first.count("x") < 350


def test_clear() -> None:
    """After `clear` nothing strikes any more."""
    made = script(error("a", times=None))
    made.clear()

    assert made.take("Send") is None
    assert made.armed == ()


def test_counts_are_kept() -> None:
    """A script tells how often each rule let a request go and how often it struck."""
    made = script(error("a", after=1, times=2))
    codes(made, "Send", 5)

    (armed,) = made.armed
    assert (armed.passed, armed.struck) == (1, 2)


@pytest.mark.parametrize(
    "rule",
    [
        delay(2.5, endpoint="Send", times=None, probability=0.5),
        hang_after_accept(after=3),
        faults.throttle(3),
        faults.answer(200, "{}", headers=(("X-A", "b"),), accepted=True),
    ],
)
def test_json_round_trip(rule: FaultRule) -> None:
    """A rule survives JSON, alone or in a list."""
    made = script()
    made.add_json(msgspec.json.encode(rule))
    made.add_json(msgspec.json.encode([rule]))

    assert [rule, rule] == [armed.rule for armed in made.armed]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"action":"explode"}', "explode"),
        (b'{"action":"error","tymes":2}', "tymes"),
        (b'{"action":"delay","delay":-1}', "delay"),
        (b'{"action":"error","probability":2}', "probability"),
        (b'{"action":"quirk","code":"unheard-of"}', "there are: odd"),
        (b"[", "truncated"),
    ],
)
def test_bad_rules_are_refused(text: bytes, problem: str) -> None:
    """A rule that means nothing is refused with a text that names the mistake, and nothing is added."""
    made = script()
    with pytest.raises((msgspec.MsgspecError, ValueError), match=problem):
        made.add_json(text)

    assert made.armed == ()


def test_unknown_quirk_is_refused() -> None:
    """A quirk that no handler knows cannot be scripted in vain."""
    with pytest.raises(ValueError, match="unknown quirk 'odds'"):
        script(quirk("odds"))
