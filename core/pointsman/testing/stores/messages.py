"""What a store does with messages: taking in, changing, finding."""

import asyncio

from pointsman.errors import KeyReused
from pointsman.message import MessageClass
from pointsman.outcome import Accepted, DeliveryState, SettledBy, State
from pointsman.store.change import Due, Note, Resolve, Unwant
from pointsman.store.interface import Claim, Taken
from pointsman.testing.stores.trial import CLIENT, DOUBT, PROVIDER, Broken, Trial, expect, must, report


def _claim(digest: bytes = b"request", key: str = "k1") -> Claim:
    return Claim(CLIENT, key, digest)


async def taken_in_together(trial: Trial) -> None:
    """Messages that are taken in come back in order, as records that are there from then on, and are ours."""
    envelopes = [trial.envelope() for _ in range(3)]
    taken = await trial.store.accept(envelopes)

    expect([one.envelope for one in taken.records], envelopes, "records of accept")
    must(not taken.repeated, "a first request is not repeated")
    for record in taken.records:
        expect(await trial.get(record.envelope.id), record, "get after accept")
        expect(record.owner, trial.store.owner, "owner of what is mine")


async def all_or_none(trial: Trial) -> None:
    """When one of several messages has an id that is taken, `ValueError` is raised and none is taken in."""
    first, other = trial.envelope(), trial.envelope()
    await trial.taken(first)
    try:
        await trial.store.accept((other, first))
    except ValueError:
        expect(await trial.store.get(other.id), None, "the other message")
    else:
        raise Broken("accept took an id twice")


async def same_key_same_messages(trial: Trial) -> None:
    """The same key brings the same messages, also when a hundred requests with it come at once."""
    envelopes = [trial.envelope() for _ in range(100)]
    answers = await asyncio.gather(*(trial.store.accept((one,), claim=_claim()) for one in envelopes))
    firsts = [one for one in answers if not one.repeated]

    expect(len(firsts), 1, "requests that were taken")
    expect({one.records[0].envelope.id for one in answers}, {firsts[0].records[0].envelope.id}, "messages")
    later = await trial.store.accept((trial.envelope(),), claim=_claim())
    expect(later, Taken(firsts[0].records, repeated=True), "the same request later")


async def claims_are_found(trial: Trial) -> None:
    """Whether a key came before can be asked without taking anything; another request under it raises `KeyReused`."""
    expect(await trial.store.claimed(_claim()), None, "a claim that was never made")
    taken = await trial.store.accept((trial.envelope(),), claim=_claim())
    expect(await trial.store.claimed(_claim()), Taken(taken.records, repeated=True), "a claim that was made")
    expect(await trial.store.claimed(Claim("stranger", "k1", b"request")), None, "a claim of another client")
    try:
        await trial.store.claimed(_claim(b"another"))
    except KeyReused:
        return
    raise Broken("a key was found for two requests")


async def key_with_another_request(trial: Trial) -> None:
    """A key that comes with another request raises `KeyReused` and takes nothing; another client's key is another."""
    await trial.store.accept((trial.envelope(),), claim=_claim())
    other = trial.envelope()
    try:
        await trial.store.accept((other,), claim=_claim(b"another"))
    except KeyReused:
        expect(await trial.store.get(other.id), None, "the message of the other request")
    else:
        raise Broken("a key was used for two requests")
    stranger = await trial.store.accept((other,), claim=Claim("stranger", "k1", b"another"))
    must(not stranger.repeated, "the same key of another client is another")


async def changes_in_order(trial: Trial) -> None:
    """Changes to one message are applied in the order of the calls, without waiting for each other."""
    message_id = await trial.taken()
    await trial.begin(message_id)
    _, (before, after) = await asyncio.gather(
        trial.settle(message_id, Accepted(ids=("p1",))),
        trial.store.apply(message_id, Note(1, report("p1")), trial.clock.now()),
    )

    expect((before.state, after.state), (State.SENT, State.DELIVERED), "states around the report")
    expect(await trial.get(message_id), after, "get after apply")


async def unknown_message(trial: Trial) -> None:
    """A change of an unknown message raises `KeyError`, and harms none that is applied at the same time."""
    message_id = await trial.taken()
    now = trial.clock.now()
    unknown, good = await asyncio.gather(
        trial.store.apply("0" * 28, Due(), now), trial.begin(message_id), return_exceptions=True
    )

    expect(type(unknown), KeyError, "the error")
    must(not isinstance(good, BaseException), "the other change is applied")
    expect(await trial.store.get("0" * 28), None, "get of an unknown message")


async def nothing_new(trial: Trial) -> None:
    """A change that tells nothing new leaves the record as it is, its time included."""
    message_id = await trial.delivered()
    before = await trial.get(message_id)
    await trial.clock.advance(60.0)
    after = await trial.apply(message_id, Note(1, report("p1")))

    expect(after, before, "the record after the same report")


async def not_ours(trial: Trial) -> None:
    """An attempt that somebody else starts changes nothing."""
    message_id = await trial.taken()
    after = await trial.begin(message_id, owner="somebody else")

    expect(after.intent, None, "the attempt in flight")


async def unwanted_by_anybody(trial: Trial) -> None:
    """What nobody wants any more does not begin, also after the next opening, and waits for nobody; who has it is told.

    What has begun keeps its attempt.
    """
    mine, free, flying = await trial.taken(), await trial.taken(mine=False), await trial.taken()
    await trial.begin(flying)
    states = [(await trial.apply(one, Unwant())).state for one in (mine, free, flying)]

    expect(states, [State.CANCELLED, State.CANCELLED, State.SENDING], "states")
    expect(await trial.store.take(MessageClass.TRANSACTIONAL, trial.clock.now(), 9), (), "take")
    must((await trial.begin(mine)).intent is None, "nothing begins")
    must((await trial.get(flying)).intent is not None, "the attempt in flight stays")
    if not trial.store.durable:
        return
    await trial.again()
    (record,) = await trial.store.recover(trial.clock.now(), 9)
    must(record.unwanted and (await trial.begin(flying, 2)).intent is None, "no other attempt begins")
    must((await trial.begin(mine)).intent is None, "nothing begins after the next opening")


async def found_by_provider_id(trial: Trial) -> None:
    """A message is found by the ids that its providers gave, several by one id, and not by ids of other providers."""
    first = await trial.sent(provider_id="same")
    second = await trial.sent(provider_id="same")

    expect(set(await trial.store.find(PROVIDER, "same")), {(first, 1), (second, 1)}, "find")
    expect(await trial.store.find("another", "same"), (), "find at another provider")
    expect(await trial.store.find(PROVIDER, "unknown"), (), "find of an unknown id")


async def found_after_doubt(trial: Trial) -> None:
    """A message of which it turns out later that it was taken is found by the id that was told then."""
    message_id = await trial.taken()
    await trial.begin(message_id)
    await trial.settle(message_id, DOUBT)
    await trial.apply(message_id, Resolve(1, Accepted(ids=("late",)), SettledBy.RECONCILED))

    expect(await trial.store.find(PROVIDER, "late"), ((message_id, 1),), "find")


async def found_by_reference(trial: Trial) -> None:
    """A client finds its messages by its own reference, the latest first, and never those of others."""
    ids = [await trial.taken(trial.envelope(reference="order-1")) for _ in range(3)]
    await trial.taken(trial.envelope(reference="order-1", client="stranger"))
    await trial.taken(trial.envelope(reference="order-2"))
    found = await trial.store.referred(CLIENT, "order-1", 2)

    expect([one.envelope.id for one in found], [ids[2], ids[1]], "referred")
    expect(await trial.store.referred(CLIENT, "order-3", 2), (), "an unknown reference")


async def early_reports(trial: Trial) -> None:
    """Reports that come before their message is known are kept in order, can be looked at, and are handed out once."""
    now = trial.clock.now()
    reports = (report("p1", DeliveryState.SENT), report("p1"))
    for one in reports:
        await trial.store.keep_early(PROVIDER, "p1", one, now)

    expect(await trial.store.take_early("another", "p1"), (), "those of another provider")
    expect(await trial.store.early(PROVIDER, "p1"), reports, "looked at")
    expect(await trial.store.early(PROVIDER, "p2"), (), "looked at under another key")
    expect(await trial.store.take_early(PROVIDER, "p1"), reports, "the first time")
    expect(await trial.store.take_early(PROVIDER, "p1"), (), "the second time")


async def kept_and_taken_at_once(trial: Trial) -> None:
    """A report that is being kept when its message asks for it is handed out."""
    _, found = await asyncio.gather(
        trial.store.keep_early(PROVIDER, "p1", report("p1"), trial.clock.now()),
        trial.store.take_early(PROVIDER, "p1"),
    )

    expect(found, (report("p1"),), "take_early")


async def messages_outlive_the_process(trial: Trial) -> None:
    """Of a durable store: whoever opens it next finds each record as it was, its ids, keys and early reports."""
    if not trial.store.durable:
        return
    sent = await trial.sent(trial.envelope(reference="order-1"))
    taken = await trial.store.accept((trial.envelope(),), claim=_claim())
    await trial.store.keep_early(PROVIDER, "soon", report("soon"), trial.clock.now())
    before = await trial.get(sent)
    await trial.again()
    after = await trial.get(sent)

    expect(after.attempts, before.attempts, "attempts")
    expect((after.envelope, after.state, after.updated_at), (before.envelope, before.state, before.updated_at), "it")
    expect(await trial.store.find(PROVIDER, "p1"), ((sent, 1),), "find")
    expect([one.envelope.id for one in await trial.store.referred(CLIENT, "order-1", 9)], [sent], "referred")
    again = await trial.store.accept((trial.envelope(),), claim=_claim())
    ids = [one.envelope.id for one in taken.records]
    expect((again.repeated, [one.envelope.id for one in again.records]), (True, ids), "the same key")
    expect(await trial.store.take_early(PROVIDER, "soon"), (report("soon"),), "early reports")
    expect((await trial.apply(sent, Note(1, report("p1")))).state, State.DELIVERED, "a report after that")


CHECKS = (
    taken_in_together,
    all_or_none,
    same_key_same_messages,
    claims_are_found,
    key_with_another_request,
    changes_in_order,
    unknown_message,
    nothing_new,
    not_ours,
    unwanted_by_anybody,
    found_by_provider_id,
    found_after_doubt,
    found_by_reference,
    early_reports,
    kept_and_taken_at_once,
    messages_outlive_the_process,
)
