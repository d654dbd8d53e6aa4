"""What a store counts and forgets: accounts, quotas, small things, and erasing by age."""

from decimal import Decimal

from pointsman.message import MessageClass
from pointsman.outcome import Accepted, DeliveryState, State
from pointsman.store.change import End, FellBack, Note
from pointsman.store.days import day_of
from pointsman.store.interface import Claim, Retention
from pointsman.testing.stores.trial import CLIENT, DOUBT, PROVIDER, Trial, expect, must, report

DAY = 86400.0
TERMS = Retention(texts=30 * DAY, messages=400 * DAY, keys=2 * DAY, news=7 * DAY, early=2 * DAY)


async def accounts(trial: Trial) -> None:
    """What attempts cost is added up exactly by provider and currency, until the account is started anew."""
    for place, (price, currency) in enumerate((("0.1", "EUR"), ("0.2", "EUR"), ("5", "RUB"))):
        message_id = await trial.taken()
        await trial.begin(message_id)
        await trial.settle(message_id, Accepted(ids=(f"p{place}",)), price=price, currency=currency)

    expect(await trial.store.spent(), {(PROVIDER, "EUR"): Decimal("0.3"), (PROVIDER, "RUB"): Decimal(5)}, "spent")
    if trial.store.durable:
        await trial.again()
        expect((await trial.store.spent())[PROVIDER, "EUR"], Decimal("0.3"), "spent after a restart")
    await trial.store.start_account(PROVIDER)
    expect(await trial.store.spent(), {}, "spent after the account was started anew")


async def quotas(trial: Trial) -> None:
    """What a client used is counted by the day on which it was taken, its money by that on which it was spent."""
    today = day_of(trial.clock.now())
    await trial.sent()
    message_id = await trial.taken()
    await trial.taken(trial.envelope(client="another"))
    await trial.clock.advance(DAY)
    await trial.begin(message_id)
    await trial.settle(message_id, Accepted(ids=("p2",)), price="0.07")
    other, one = await trial.store.usage(today)

    expect((other.client, other.messages, other.spent), ("another", 1, {}), "usage of another client")
    expect((one.client, one.messages, one.spent), (CLIENT, 2, {"EUR": Decimal("0.05")}), "usage")
    (tomorrow,) = await trial.store.usage(day_of(trial.clock.now()))
    expect((tomorrow.messages, tomorrow.spent), (0, {"EUR": Decimal("0.07")}), "usage of the next day")


async def small_things(trial: Trial) -> None:
    """What is remembered by kind and name is there until it is forgotten, also for the next process."""
    await trial.store.keep("drained", "devino", b"first")
    await trial.store.keep("drained", "devino", b"second")
    await trial.store.keep("drained", "smstele", b"")
    await trial.store.keep("other", "devino", b"x")
    await trial.store.forget("drained", "smstele")
    await trial.store.forget("drained", "never there")
    if trial.store.durable:
        await trial.again()

    expect(await trial.store.kept("drained"), {"devino": b"second"}, "kept")
    expect(await trial.store.kept("unknown"), {}, "kept of an unknown kind")


async def texts_are_erased(trial: Trial) -> None:
    """The text and number of a message that is over are erased at their age; its figures and last change stay."""
    message_id = await trial.delivered(trial.envelope(text="a secret"))
    waiting = await trial.taken()
    before = await trial.get(message_id)
    expect((await trial.store.erase(TERMS, trial.clock.now() + 29 * DAY, 9)).texts, 0, "texts erased too early")
    erased = await trial.store.erase(TERMS, trial.clock.now() + 30 * DAY, 9)
    after = await trial.get(message_id)

    expect((erased.texts, erased.messages), (1, 0), "erased")
    expect((after.erased, "a secret" in repr(after), "79161234567" in repr(after)), (True, False, False), "the record")
    expect((after.state, after.attempts, after.updated_at), (before.state, before.attempts, before.updated_at), "it")
    must(not (await trial.get(waiting)).erased, "what waits is not erased")
    expect((await trial.store.erase(TERMS, trial.clock.now() + 30 * DAY, 9)).texts, 0, "texts erased twice")


async def codes_are_erased_at_once(trial: Trial) -> None:
    """The text of a code is erased as soon as it is over; one that may yet be cleared up is kept for two days."""
    code = await trial.delivered(trial.envelope(MessageClass.OTP))
    doubtful = await trial.taken(trial.envelope(MessageClass.OTP))
    await trial.begin(doubtful)
    await trial.settle(doubtful, DOUBT)
    await trial.apply(doubtful, End(State.UNKNOWN, owner=trial.store.owner))
    alive = await trial.sent(trial.envelope(MessageClass.OTP), "p2")

    expect((await trial.store.erase(TERMS, trial.clock.now(), 9)).texts, 1, "texts")
    expect([(await trial.get(one)).erased for one in (code, doubtful, alive)], [True, False, False], "erased")
    await trial.store.erase(TERMS, trial.clock.now() + 2 * DAY, 9)
    expect([(await trial.get(one)).erased for one in (doubtful, alive)], [True, False], "erased after two days")


async def a_pair_of_codes(trial: Trial) -> None:
    """The text of a code by Viber is kept until the SMS in its place is over, also while that does not exist yet."""
    viber = trial.envelope(MessageClass.OTP, viber=True)
    await trial.sent(viber)
    await trial.apply(viber.id, Note(1, report("p1", DeliveryState.UNDELIVERABLE)))
    sms = trial.envelope(MessageClass.OTP, parent=viber.id)
    await trial.apply(viber.id, FellBack(sms.id))
    before = (await trial.store.erase(TERMS, trial.clock.now(), 9)).texts
    await trial.sent(sms, "p2")
    alive = (await trial.store.erase(TERMS, trial.clock.now(), 9)).texts
    await trial.apply(sms.id, Note(1, report("p2")))
    over = [(await trial.store.erase(TERMS, trial.clock.now(), 9)).texts for _ in range(2)]

    expect((before, alive, over), (0, 0, [2, 0]), "texts before the SMS, while it is alive, and after its end")


async def messages_are_forgotten(trial: Trial) -> None:
    """A message that is over is forgotten at its age with all that leads to it; one that is not over is kept."""
    over = await trial.delivered(trial.envelope(reference="order-1"))
    alive = await trial.sent(provider_id="p2")
    await trial.store.accept((trial.envelope(),), claim=Claim(CLIENT, "k1", b"request"))
    await trial.clock.advance(400 * DAY)
    erased = await trial.store.erase(TERMS, trial.clock.now(), 9)

    expect(erased.messages, 1, "messages")
    expect(await trial.store.get(over), None, "the message")
    expect(await trial.store.find(PROVIDER, "p1"), (), "find")
    expect(await trial.store.referred(CLIENT, "order-1", 9), (), "referred")
    expect((await trial.get(alive)).state, State.SENT, "what is not over")
    taken = await trial.store.accept((trial.envelope(),), claim=Claim(CLIENT, "k1", b"another"))
    must(not taken.repeated, "the key that was forgotten")


async def pairs_stay_together(trial: Trial) -> None:
    """A Viber message and the SMS in its place are forgotten together, when both are old enough."""
    viber = trial.envelope(viber=True)
    await trial.sent(viber)
    await trial.apply(viber.id, Note(1, report("p1", DeliveryState.UNDELIVERABLE)))
    sms = trial.envelope(parent=viber.id)
    await trial.apply(viber.id, FellBack(sms.id))
    await trial.clock.advance(200 * DAY)
    await trial.delivered(sms, "p2")
    await trial.clock.advance(200 * DAY)
    expect((await trial.store.erase(TERMS, trial.clock.now(), 9)).messages, 0, "messages while one is young")
    await trial.clock.advance(200 * DAY)
    await trial.store.erase(TERMS, trial.clock.now(), 9)

    expect([await trial.store.get(one.id) for one in (viber, sms)], [None, None], "both")


async def early_reports_are_forgotten(trial: Trial) -> None:
    """A report of which nobody knew the message is forgotten at its age; one that comes later under its key is kept."""
    await trial.store.keep_early(PROVIDER, "p1", report("p1"), trial.clock.now())
    await trial.clock.advance(2 * DAY + 1.0)
    await trial.store.keep_early(PROVIDER, "p2", report("p2"), trial.clock.now())
    expect((await trial.store.erase(TERMS, trial.clock.now(), 9)).others, 1, "reports forgotten")

    expect(await trial.store.take_early(PROVIDER, "p1"), (), "the old one")
    expect(await trial.store.take_early(PROVIDER, "p2"), (report("p2"),), "the new one")
    await trial.store.keep_early(PROVIDER, "p1", report("p1"), trial.clock.now())
    expect(await trial.store.take_early(PROVIDER, "p1"), (report("p1"),), "one under the old key")


async def a_little_at_a_time(trial: Trial) -> None:
    """At most `limit` of each is forgotten in one go, and in the end everything."""
    ids = [await trial.delivered(provider_id=f"p{place}") for place in range(5)]
    now = trial.clock.now() + 30 * DAY
    counts = [(await trial.store.erase(TERMS, now, 2)).texts for _ in range(4)]

    expect(counts, [2, 2, 1, 0], "texts in each go")
    expect([(await trial.get(one)).erased for one in ids], [True] * 5, "erased")


CHECKS = (
    accounts,
    quotas,
    small_things,
    texts_are_erased,
    codes_are_erased_at_once,
    a_pair_of_codes,
    messages_are_forgotten,
    pairs_stay_together,
    early_reports_are_forgotten,
    a_little_at_a_time,
)
