"""The messages that ship with the demo."""

import runpy
from collections import Counter
from pathlib import Path

import pytest

from pointsman.demo.cases import load_cases, read_cases
from pointsman.demo.script import PROVIDERS, SCRIPT, steps_of
from pointsman.message import Channel, MessageClass
from pointsman.outcome import State

MAKER = Path(__file__).parent / "make_messages.py"
HEADER = "step,channel,class,to,text,fate,expect,copies,via\n"


def test_the_file_is_what_its_maker_writes() -> None:
    """Nobody edited the messages by hand: the file is exactly what `make_messages.py` writes."""
    made = runpy.run_path(str(MAKER))
    assert made["render"]() == made["TARGET"].read_text(encoding="utf-8")


def test_every_step_has_its_messages() -> None:
    """The script sends the steps that the file has, and no others."""
    assert steps_of(SCRIPT) == {case.step for case in load_cases()}


def test_there_are_a_few_hundred_of_all_kinds() -> None:
    """At least 240 text messages in all three classes and 60 lookups, to Russia, Kazakhstan and Belarus."""
    cases = load_cases()
    channels = Counter(case.channel for case in cases)
    assert channels[Channel.SMS] >= 240
    assert channels[Channel.HLR] >= 60
    assert {case.message.message_class for case in cases} == set(MessageClass)
    numbers = [case.to for case in cases if case.to is not None]
    for prefix in ("7916", "7926", "7903", "7977", "7995", "7701", "37529"):
        assert any(number.startswith(prefix) for number in numbers), prefix


def test_no_number_is_used_twice() -> None:
    """Every case has a number of its own, so that the sandboxes' books tell which case a copy belongs to."""
    numbers = [case.to for case in load_cases() if case.to is not None]
    assert len(set(numbers)) == len(numbers)


def test_numbers_are_recognisably_fictional() -> None:
    """All valid numbers have 555 after the code of their operator."""
    assert [case.name for case in load_cases() if case.to is not None and case.to[-7:-4] != "555"] == []


def test_only_codes_and_lost_messages_may_be_sent_twice() -> None:
    """The script allows a second copy of a text message for one-time codes, and for what networks do not deliver."""
    twice = [case for case in load_cases() if case.channel is Channel.SMS and max(case.copies) > 1]
    assert {case.message.message_class for case in twice if case.fate is None} == {MessageClass.OTP}


def test_a_row_becomes_a_case() -> None:
    """A row is read as message, fate and expectation; names count the rows of a step."""
    row = "calm,sms,otp,+7 916 555-01-01,Code 1,undelivered,undelivered|unknown,0|1,smstele\n"
    first, second = read_cases([HEADER, row, row])
    assert (first.name, second.name) == ("calm/1", "calm/2")
    assert first.to == "79165550101"
    assert first.expect == {State.UNDELIVERED, State.UNKNOWN}
    assert first.copies == {0, 1}
    assert first.via == PROVIDERS[1]


def test_a_row_that_is_none_is_refused() -> None:
    """A state that does not exist is an error, not an expectation that can never be met."""
    with pytest.raises(ValueError, match="arrived"):
        read_cases([HEADER, "calm,sms,otp,+79165550101,Code 1,,arrived,1,\n"])
