"""What becomes of a letter, as functions of values."""

from itertools import pairwise

import msgspec
import pytest

from pointsman.daemon.webhooks.fates import Answer, backoff, fate_after, fate_hindered, fate_untried, wanted_pause
from pointsman.daemon.webhooks.settings import Settings
from pointsman.events import WebhookOutcome
from pointsman.outcome import State
from pointsman.store.interface import Again, Dead, Later, Letter, News, Posted

SETTINGS = Settings()
NEWS = News(seq=1, client="shop", message_id="m", state=State.SENT, at=1000.0, body=b"{}")
LETTER = Letter(news=NEWS, url="https://hooks.shop.example/")
FAILED = Answer(outcome=WebhookOutcome.ERROR, status=500)


def after(answer=FAILED, *, tries=0, age=0.0, chance=0.0):
    """The fate of a letter that was tried."""
    letter = msgspec.structs.replace(LETTER, tries=tries)
    return fate_after(letter, answer, SETTINGS, now=1000.0 + age, since=1000.0, chance=chance)


def test_taken_and_gone():
    """What was taken is forgotten, what is not wanted is dead at once."""
    assert after(Answer(outcome=WebhookOutcome.TAKEN, status=200)) == Posted()
    assert after(Answer(outcome=WebhookOutcome.GONE, status=410)) == Dead("gone: the receiver answered 410")


def test_pauses_grow():
    """The pauses double from 5 seconds to two hours; chance shortens them by up to a half."""
    pauses = [backoff(tries, 5.0, 7200.0, 0.0) for tries in range(40)]

    assert pauses[:4] == [5.0, 10.0, 20.0, 40.0]
    assert pauses[-1] == 7200.0
    assert all(one <= other for one, other in pairwise(pauses))
    assert backoff(3, 5.0, 7200.0, 1.0) == 20.0
    assert backoff(10**6, 5.0, 7200.0, 0.0) == 7200.0


def test_the_last_try_is_at_the_very_end():
    """A pause that would go beyond 24 hours ends with them, and what fails then is dead."""
    assert after(tries=20, age=86000.0) == Again(1000.0 + 86400.0, "error: the receiver answered 500")
    assert after(tries=21, age=86400.0) == Dead("error: the receiver answered 500")


def test_old_news_get_some_tries():
    """News that are older than a day when they are tried first are tried eight times."""
    assert isinstance(after(tries=6, age=200000.0), Again)
    assert isinstance(after(tries=7, age=200000.0), Dead)


@pytest.mark.parametrize(("wanted", "at"), [(None, 1005.0), (1.0, 1005.0), (600.0, 1600.0), (1e9, 4600.0)])
def test_what_a_receiver_asks_for(wanted, at):
    """A receiver may ask for a longer pause, up to an hour, but not for a shorter one."""
    fate = after(Answer(outcome=WebhookOutcome.THROTTLED, status=429, retry_after=wanted))

    assert isinstance(fate, Again)
    assert fate.at == at


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("999999999999999999999", 3600.0),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
        ("Tue, 14 Nov 2033 22:13:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after(header, seconds):
    """Seconds and dates are read; nonsense is not there."""
    assert wanted_pause(header, 1_700_000_000.0, 3600.0) == seconds


def test_letters_that_are_not_tried():
    """A letter waits with its receiver, and dies with it only when both are old enough."""

    def fate(age, outage):
        return fate_untried(LETTER, SETTINGS, now=1000.0 + age, since=1000.0, until=9.0, outage=outage)

    assert fate(86399.0, 86399.0) == Later(9.0)
    assert fate(90000.0, 60.0) == Later(9.0)
    assert fate(86400.0, 3600.0) == Dead("unreachable: its receiver took nothing meanwhile")


def test_letters_that_the_configuration_hinders():
    """They are looked at every minute, for a day."""
    assert fate_hindered("why", SETTINGS, now=2000.0, since=1000.0) == Later(2060.0)
    assert fate_hindered("why", SETTINGS, now=87400.0, since=1000.0) == Dead("why")
