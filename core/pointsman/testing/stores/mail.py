"""What a store tells clients: news in order, and letters of which none overtakes another."""

import msgspec

from pointsman.outcome import State
from pointsman.store.change import Note
from pointsman.store.interface import Again, Dead, Later, Letter, Posted, Retention
from pointsman.testing.stores.trial import CLIENT, Trial, expect, must, report

URL = "https://client.example/hook"


async def news_in_order(trial: Trial) -> None:
    """Each state that a client is told of is news, in order, and can be read again from any place."""
    message_id = await trial.delivered()
    await trial.sent(trial.envelope(client="stranger"), "p2")
    await trial.sent(trial.envelope(client=None), "p3")
    news = await trial.store.news(CLIENT, 0, 9)

    expect([(one.message_id, one.state) for one in news], [(message_id, State.SENT), (message_id, State.DELIVERED)], "")
    must(news[0].seq < news[1].seq <= await trial.store.last_news(), "places")
    expect(await trial.store.news(CLIENT, news[0].seq, 9), news[1:], "news after a place")
    expect(await trial.store.news(CLIENT, 0, 1), news[:1], "news up to a limit")
    expect(msgspec.json.decode(news[1].body)["id"], message_id, "what is told")


async def no_news_twice(trial: Trial) -> None:
    """What changes no state is no news."""
    message_id = await trial.delivered()
    await trial.apply(message_id, Note(1, report("p1")))

    expect(len(await trial.store.news(CLIENT, 0, 9)), 2, "pieces of news")


async def places_only_grow(trial: Trial) -> None:
    """The place of a piece of news is never used again, also when all news was forgotten and the store reopened."""
    await trial.delivered()
    last = await trial.store.last_news()
    await trial.clock.advance(30 * 86400.0)
    while (await trial.store.erase(Retention(), trial.clock.now(), 100)).others:
        pass
    if trial.store.durable:
        await trial.again()
    expect(await trial.store.last_news(), last, "the last place")
    await trial.sent(provider_id="p2")
    (news,) = await trial.store.news(CLIENT, 0, 9)
    must(news.seq > last, "the next place")


async def _letters(trial: Trial) -> tuple[Letter, ...]:
    return await trial.store.letters(trial.clock.now(), 9)


async def posted_in_order(trial: Trial) -> None:
    """Of each message only the first letter that is not posted is due; the next one is when that is posted."""
    message_id = await trial.delivered(trial.envelope(callback_url=URL))
    other = await trial.sent(trial.envelope(callback_url=URL), "p2")
    first, second = await _letters(trial)

    expect(
        [(one.news.message_id, one.news.state) for one in (first, second)],
        [(message_id, State.SENT), (other, State.SENT)],
        "letters",
    )
    expect((first.url, first.tries, first.dead), (URL, 0, False), "a letter")
    await trial.store.settle_letter(first.news.seq, Posted())
    found = {one.news.message_id: one.news.state for one in await _letters(trial)}
    expect(found, {message_id: State.DELIVERED, other: State.SENT}, "letters after one was posted")
    await trial.store.settle_letter(first.news.seq, Posted())


async def tried_again(trial: Trial) -> None:
    """A letter that was not taken is tried again at its time, and the next one of its message waits for it."""
    await trial.delivered(trial.envelope(callback_url=URL))
    (first,) = await _letters(trial)
    expect(await trial.store.next_letter(), first.next_at, "next_letter")
    at = trial.clock.now() + 30.0
    await trial.store.settle_letter(first.news.seq, Again(at, "no answer"))

    expect(await _letters(trial), (), "letters before that time")
    expect(await trial.store.next_letter(), at, "next_letter after a failure")
    await trial.clock.advance(30.0)
    (again,) = await _letters(trial)
    await trial.store.settle_letter(first.news.seq, Later(at + 5.0))
    expect((await _letters(trial), await trial.store.next_letter()), ((), at + 5.0), "letters that were put off")
    await trial.clock.advance(5.0)
    (put_off,) = await _letters(trial)
    expect((put_off.tries, put_off.error), (1, "no answer"), "a letter that was put off")
    expect((again.news, again.tries, again.error), (first.news, 1, "no answer"), "the letter then")


async def given_up_and_revived(trial: Trial) -> None:
    """A dead letter holds up no other; it is listed, and tried again, before later ones, when it is revived."""
    await trial.delivered(trial.envelope(callback_url=URL))
    (first,) = await _letters(trial)
    await trial.store.settle_letter(first.news.seq, Dead("gone"))
    (second,) = await _letters(trial)
    (dead,) = await trial.store.dead_letters(0, 9)

    expect(
        (second.news.state, dead.news, dead.error, dead.dead), (State.DELIVERED, first.news, "gone", True), "letters"
    )
    expect(await trial.store.dead_letters(dead.news.seq, 9), (), "dead letters after a place")
    expect(await trial.store.revive([dead.news.seq, second.news.seq, 999], trial.clock.now()), 1, "revive")
    expect([one.news for one in await _letters(trial)], [first.news], "letters after revive")
    expect(await trial.store.dead_letters(0, 9), (), "dead letters after revive")


async def letters_outlive_the_process(trial: Trial) -> None:
    """Of a durable store: letters and news are there for whoever opens it next."""
    if not trial.store.durable:
        return
    await trial.delivered(trial.envelope(callback_url=URL))
    before = await _letters(trial), await trial.store.news(CLIENT, 0, 9), await trial.store.last_news()
    await trial.again()

    expect((await _letters(trial), await trial.store.news(CLIENT, 0, 9), await trial.store.last_news()), before, "mail")


CHECKS = (
    news_in_order,
    no_news_twice,
    places_only_grow,
    posted_in_order,
    tried_again,
    given_up_and_revived,
    letters_outlive_the_process,
)
