"""How long somebody is left alone who could not help."""

from pointsman.engine.backoff import Backoff


def test_pauses_double_up_to_a_minute():
    """Each failure after a pause makes the next pause twice as long, from one second to sixty."""
    backoff = Backoff()
    now, pauses = 100.0, []
    for _ in range(100):
        backoff.failed(now, now)
        pauses.append(backoff.until - now)
        now = backoff.until
    assert pauses[:8] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert set(pauses[6:]) == {60.0}


def test_what_fails_together_counts_once():
    """Four questions that were on their way together and fail one after the other make one pause, of a second."""
    backoff = Backoff()
    for place in range(4):
        backoff.failed(100.0, 100.0 + place / 10)
    assert (backoff.failures, backoff.until) == (1, 101.3)


def test_a_shorter_pause_does_not_end_a_longer_one():
    """Somebody who asked for ten minutes of peace gets them, whatever fails meanwhile."""
    backoff = Backoff()
    backoff.failed(100.0, 100.0, 600.0)
    backoff.failed(99.0, 101.0)
    assert backoff.pauses(699.9)
    assert not backoff.pauses(700.0)


def test_nobody_is_left_alone_for_more_than_an_hour():
    """A wish for a pause of days looks like a mistake: it is an hour."""
    backoff = Backoff()
    backoff.failed(100.0, 100.0, 86_400.0)
    assert backoff.until == 3700.0


def test_success_ends_it():
    """After a success nothing pauses, and the next pause is a second again."""
    backoff = Backoff()
    backoff.failed(100.0, 100.0)
    backoff.failed(101.0, 101.0)
    backoff.succeeded()
    assert not backoff.pauses(101.0)
    backoff.failed(102.0, 102.0)
    assert backoff.until == 103.0
