"""What a store does about work: handing it out, taking it back, finding it after a process died."""

from collections.abc import Iterable

from pointsman.message import MessageClass
from pointsman.outcome import Accepted, DeliveryState, State, Unknown
from pointsman.store.change import End, Note
from pointsman.store.record import Record
from pointsman.testing.stores.trial import DOUBT, Trial, expect, must, report

LANE = MessageClass.TRANSACTIONAL


def _ids(records: Iterable[Record]) -> list[str]:
    return [one.envelope.id for one in records]


async def handed_out_once(trial: Trial) -> None:
    """What is not mine is handed out by class, the longest due first, each message to one caller only."""
    later = await trial.taken(trial.envelope(due=trial.clock.now() + 5.0), mine=False)
    first = await trial.taken(mine=False)
    second = await trial.taken(mine=False)
    otp = await trial.taken(trial.envelope(MessageClass.OTP), mine=False)
    await trial.taken()
    await trial.clock.advance(10.0)
    now = trial.clock.now()

    expect(_ids(await trial.store.take(LANE, now, 2)), [first, second], "the first two")
    expect(_ids(await trial.store.take(LANE, now, 9)), [later], "the rest")
    expect(await trial.store.take(LANE, now, 9), (), "nothing is left")
    (code,) = await trial.store.take(MessageClass.OTP, now, 9)
    expect((code.envelope.id, code.owner), (otp, trial.store.owner), "the code")


async def not_before_it_is_due(trial: Trial) -> None:
    """A message that is for later is handed out when it is due, and `next_due` says when that is."""
    expect(await trial.store.next_due(trial.clock.now()), None, "next_due of nothing")
    due = trial.clock.now() + 60.0
    message_id = await trial.taken(trial.envelope(due=due), mine=False)

    expect(await trial.store.take(LANE, trial.clock.now(), 9), (), "before it is due")
    expect(await trial.store.next_due(trial.clock.now()), due, "next_due")
    await trial.clock.advance(60.0)
    expect(_ids(await trial.store.take(LANE, trial.clock.now(), 9)), [message_id], "when it is due")
    expect(await trial.store.next_due(trial.clock.now()), None, "next_due of what somebody has")


async def handed_back(trial: Trial) -> None:
    """What is given back can be taken again and attempted; what is in flight, gone or over cannot be given back."""
    waiting, flying, over = [await trial.taken() for _ in range(3)]
    await trial.begin(flying)
    await trial.apply(over, End(State.CANCELLED, owner=trial.store.owner))
    await trial.store.give_back([waiting, flying, over, "0" * 28], trial.clock.now())
    taken = await trial.store.take(LANE, trial.clock.now(), 9)

    expect(_ids(taken), [waiting], "take after give_back")
    must((await trial.begin(waiting)).intent is not None, "an attempt of what was taken")


async def counted(trial: Trial) -> None:
    """`waiting` counts what nobody has taken, by class, what is for later included."""
    await trial.taken(mine=False)
    await trial.taken(trial.envelope(due=trial.clock.now() + 60.0), mine=False)
    await trial.taken(trial.envelope(MessageClass.OTP))
    counts = await trial.store.waiting()

    expect([counts[lane] for lane in MessageClass], [0, 2, 0], "waiting")


async def followed_in_pages(trial: Trial) -> None:
    """`followed` returns what waits for reports, in pages, in the order of ids."""
    ids = [await trial.sent(provider_id=f"p{place}") for place in range(3)]
    await trial.delivered(provider_id="over")
    await trial.taken()
    first = await trial.store.followed("", 2)

    expect(_ids(first), ids[:2], "the first page")
    expect(_ids(await trial.store.followed(ids[1], 2)), ids[2:], "the second page")
    expect(await trial.store.followed(ids[2], 2), (), "the end")


async def doubtful_is_followed(trial: Trial) -> None:
    """A message of which nobody knows what became of it is followed as well."""
    message_id = await trial.taken()
    await trial.begin(message_id)
    await trial.settle(message_id, DOUBT)
    await trial.apply(message_id, End(State.UNKNOWN, owner=trial.store.owner))

    expect(_ids(await trial.store.followed("", 9)), [message_id], "followed")


async def nothing_to_recover(trial: Trial) -> None:
    """What this process has in flight is not recovered."""
    message_id = await trial.taken()
    await trial.begin(message_id)

    expect(await trial.store.recover(trial.clock.now(), 9), (), "recover")
    must((await trial.get(message_id)).intent is not None, "the attempt in flight")


async def recovered(trial: Trial) -> None:
    """Of a durable store: attempts of a process that is gone are found once, unknown from then on, and are ours."""
    if not trial.store.durable:
        return
    ids = [await trial.taken() for _ in range(3)]
    for message_id in ids:
        await trial.begin(message_id)
    await trial.again()
    found: list[Record] = []
    while page := await trial.store.recover(trial.clock.now(), 2):
        must(len(page) <= 2, "a page")
        found += page

    expect(sorted(_ids(found)), ids, "recover")
    for record in found:
        (attempt,) = record.attempts
        expect((record.intent, type(attempt.outcome)), (None, Unknown), "the attempt")
        after = await trial.begin(record.envelope.id, 2)
        expect((after.intent is not None, after.possible_duplicate), (True, True), "the next attempt")


async def left_over_is_free(trial: Trial) -> None:
    """Of a durable store: what a process that is gone had in hand waits for whoever takes it."""
    if not trial.store.durable:
        return
    mine, free, sent = await trial.taken(), await trial.taken(mine=False), await trial.sent()
    owner = trial.store.owner
    await trial.again()

    must(trial.store.owner != owner, "another owner")
    expect(_ids(await trial.store.take(LANE, trial.clock.now(), 9)), [mine, free], "take")
    expect(_ids(await trial.store.followed("", 9)), [sent], "followed")
    must((await trial.begin(mine)).intent is not None, "an attempt of it")


async def followed_is_ours(trial: Trial) -> None:
    """Of a durable store: what is followed after a restart can be sent again when its provider lost it."""
    if not trial.store.durable:
        return
    message_id = await trial.sent()
    await trial.again()
    await trial.apply(message_id, Note(1, report("p1", DeliveryState.UNDELIVERABLE), again=True))
    must((await trial.begin(message_id, 2)).intent is not None, "the second attempt")
    await trial.settle(message_id, Accepted(ids=("p2",)), 2)
    expect(_ids(await trial.store.followed("", 9)), [message_id], "followed")


CHECKS = (
    handed_out_once,
    not_before_it_is_due,
    handed_back,
    counted,
    followed_in_pages,
    doubtful_is_followed,
    nothing_to_recover,
    recovered,
    left_over_is_free,
    followed_is_ours,
)
