"""How many letters of a receiver are held, when it rests, and whose turn it is."""

from pointsman.daemon.webhooks.fates import Answer
from pointsman.daemon.webhooks.receivers import IN_A_ROW, Receiver, Receivers, key_of
from pointsman.daemon.webhooks.settings import Settings
from pointsman.events import WebhookOutcome
from pointsman.outcome import State
from pointsman.store.interface import Letter, News

SETTINGS = Settings()
TAKEN = Answer(outcome=WebhookOutcome.TAKEN, status=200)
FAILED = Answer(outcome=WebhookOutcome.ERROR, status=500)
REFUSED = Answer(outcome=WebhookOutcome.REFUSED, status=400)


def letter(seq=1, url="https://a.example/x", client="shop"):
    """A letter."""
    news = News(seq=seq, client=client, message_id=str(seq), state=State.SENT, at=0.0, body=b"{}")
    return Letter(news=news, url=url)


def held(receiver, now, count):
    """How many of so many letters are held."""
    return sum(receiver.offer(letter(seq), now, 0.5) is None for seq in range(count))


def test_who_is_one_receiver():
    """A receiver is a client at a scheme, host and port; path and query do not matter."""
    assert key_of(letter(url="https://a.example/x?y")) == key_of(letter(url="https://A.example:443/z"))
    assert (
        len({key_of(letter(url=url)) for url in ("https://a.example/", "http://a.example/", "https://a.example:8/")})
        == 3
    )
    assert key_of(letter(client="bank")) != key_of(letter())


def test_a_quick_one_holds_many_and_a_slow_one_few():
    """As many letters are held as are likely to be taken within five seconds, within bounds."""
    for took, count in ((0.01, 500), (1.0, 40), (10.0, 8)):
        receiver = Receiver(SETTINGS, 0.0)
        receiver.answered(TAKEN, 0.0, took, 0.0)
        assert held(receiver, took, 1000) == count


def test_others_come_back_when_it_is_their_turn():
    """What is not held is put off for about as long as everything before it takes."""
    receiver = Receiver(SETTINGS, 0.0)
    receiver.answered(TAKEN, 0.0, 10.0, 0.0)
    waits = [receiver.offer(letter(seq), 10.0, 1.0) for seq in range(88)]

    assert waits[:8] == [None] * 8
    assert waits[8] == 9 * 10.0 / 8
    assert waits[87] == 88 * 10.0 / 8


def test_rest():
    """One that fails rests, for longer each time; then a single letter tries it, and a success ends it all."""
    receiver = Receiver(SETTINGS, 0.0)
    held(receiver, 0.0, 3)
    first = receiver.queue.popleft()
    released = receiver.answered(FAILED, 0.0, 1.0, 0.0)
    assert [one.news.seq for one in (first, *released)] == [0, 1, 2]
    assert receiver.until == 6.0
    assert held(receiver, 5.0, 3) == 0
    assert held(receiver, 6.0, 3) == 1
    assert receiver.places == 1
    receiver.answered(FAILED, 6.0, 7.0, 0.0)
    assert receiver.until == 17.0
    assert receiver.outage(17.0) == 16.0
    receiver.answered(TAKEN, 17.0, 18.0, 0.0)
    assert (receiver.places, receiver.outage(99.0)) == (8, 0.0)


def test_several_at_once_fail_for_one_reason():
    """Posts that were on their way together make the rest no longer than one does."""
    receiver = Receiver(SETTINGS, 0.0)
    for place in range(8):
        receiver.answered(FAILED, 0.0, 1.0 + place / 100, 0.0)

    assert receiver.failures == 1
    assert receiver.until < 6.2


def test_the_longest_rest():
    """A receiver is tried every five minutes at least."""
    receiver = Receiver(SETTINGS, 0.0)
    now = 0.0
    for _ in range(50):
        receiver.answered(FAILED, now, now, 0.0)
        assert receiver.until - now <= 300.0
        now = receiver.until
    assert receiver.failures == 50


def test_refusals_are_about_letters_until_there_are_many():
    """A 4xx does not hold other letters up; five in a row do."""
    receiver = Receiver(SETTINGS, 0.0)
    for _ in range(IN_A_ROW - 1):
        receiver.answered(REFUSED, 0.0, 1.0, 0.0)
    assert receiver.failures == 0
    receiver.answered(TAKEN, 0.0, 1.0, 0.0)
    for _ in range(IN_A_ROW - 1):
        receiver.answered(REFUSED, 0.0, 1.0, 0.0)
    assert receiver.failures == 0
    receiver.answered(REFUSED, 0.0, 1.0, 0.0)
    assert receiver.failures == 1


def test_turns():
    """Receivers with letters take turns, and one whose places are taken is left out."""
    receivers = Receivers(Settings(at_once_each=2))
    for seq in range(9):
        receivers.offer(letter(seq, f"https://{'abc'[seq // 3]}.example/"), 0.0, 0.5)
    order = []
    while (found := receivers.next(0.0)) is not None:
        found[0].busy += 1
        order.append(found[1].news.seq)

    assert order == [0, 3, 6, 1, 4, 7]


def test_what_is_not_needed_is_forgotten():
    """Nobody is remembered for ever: clients may name a new host with each message."""
    receivers = Receivers(SETTINGS)
    for seq in range(50):
        receiver, _ = receivers.offer(letter(seq, f"https://h{seq}.example/"), 0.0, 0.5)
        receivers.next(0.0)
        receiver.answered(FAILED, 0.0, 1.0, 0.0)
    receivers.forget_idle(3000.0)
    assert len(receivers._known) == 50
    receivers.next(3000.0)
    receivers.forget_idle(4000.0)
    assert (len(receivers._known), len(receivers._waiting)) == (0, 0)
