"""News reach the receiver: signed, in order for each message, at least once, under ids that stay the same."""

import asyncio
import re
from datetime import datetime

import pytest
from aiohttp import web
from standardwebhooks import WebhookVerificationError

from pointsman.events import WebhookOutcome, WebhookPosted

OTHER = "whsec_" + "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"


async def test_what_is_posted(desk, listen, post):
    """A post holds the news as Standard Webhooks want it, signed so that their library accepts it."""
    hooks = await listen()
    ident = await desk.sent(hooks.url + "?shop=1")
    poster = await post()
    await poster.until(lambda: hooks.posts)

    (found,) = hooks.posts
    found.verify()
    assert found.path == "/hook?shop=1"
    assert found.headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"msg_[0-9a-f]{16,}_1", found.id)
    assert found.news["type"] == "message.sent"
    assert datetime.fromisoformat(found.news["timestamp"]).timestamp() == pytest.approx(desk.clock.now(), abs=2)
    assert found.news["data"] == {
        "id": ident,
        "channel": "sms",
        "state": "sent",
        "at": pytest.approx(desk.clock.now(), abs=2),
        "reference": "order-1",
        "provider": "p",
    }


async def test_taken_letters_are_forgotten(desk, listen, post):
    """What was taken is posted once, and told once as an event."""
    hooks = await listen()
    await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: poster.events)
    await poster.quiet(120)

    assert len(hooks.posts) == 1
    assert await desk.store.next_letter() is None
    (event,) = poster.events
    assert isinstance(event, WebhookPosted)
    assert (event.client, event.host, event.outcome, event.http_status, event.tries) == (
        "shop",
        "127.0.0.1",
        WebhookOutcome.TAKEN,
        204,
        1,
    )


async def test_a_poke_is_enough(desk, listen, post):
    """News that come later are posted at once after a poke, and after half a minute without one."""
    hooks = await listen()
    poster = await post()
    await poster.quiet(1)
    await desk.sent(hooks.url)
    poster.poke()
    await poster.until(lambda: len(hooks.posts) == 1, seconds=1)
    await desk.sent(hooks.url)
    await poster.until(lambda: len(hooks.posts) == 2, seconds=31, step=1)
    assert [one.told[1] for one in hooks.posts] == ["message.sent"] * 2


async def test_secrets_can_be_exchanged(desk, listen, post, config):
    """With two secrets there are two signatures, and either secret verifies; a third one does not."""
    hooks = await listen()
    await desk.sent(hooks.url)
    first = config().webhook_secret.secrets[0].reveal()
    poster = await post(config("shop", first, OTHER))
    await poster.until(lambda: hooks.posts)

    (found,) = hooks.posts
    assert len(found.headers["webhook-signature"].split(" ")) == 2
    found.verify(first)
    found.verify(OTHER)
    with pytest.raises(WebhookVerificationError):
        found.verify("whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB")


async def test_order_of_a_message(desk, listen, post):
    """What came second of a message waits until the first was taken; other messages do not wait for it."""
    hooks = await listen()
    refused: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        told = hooks.posts[-1].told
        if told == (first, "message.sent") and len(refused) < 3:
            refused.append(told[1])
            return web.Response(status=400)
        return web.Response()

    hooks.answer = answer
    first = await desk.sent(hooks.url)
    await desk.delivered(first)
    second = await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: len(hooks.posts) == 6, seconds=120)

    told = [found.told for found in hooks.posts]
    assert told.index((second, "message.sent")) <= 1
    assert [one for one in told if one[0] == first] == [(first, "message.sent")] * 4 + [(first, "message.delivered")]


async def test_the_next_of_a_message_follows_at_once(desk, listen, post):
    """What waited for the first of a message is posted as soon as that was taken, without a look at the clock."""
    hooks = await listen()
    await desk.delivered(await desk.sent(hooks.url))
    poster = await post()
    await poster.until(lambda: len(hooks.posts) == 2, seconds=0.5, step=0.01)
    assert [one.told[1] for one in hooks.posts] == ["message.sent", "message.delivered"]


async def test_ids_stay_and_times_move(desk, listen, post):
    """Every try of a letter has the same id and body, and the time of the try, so that it can be verified then."""
    hooks = await listen(500)
    await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: len(hooks.posts) == 3, seconds=120)

    assert len({(found.id, found.body) for found in hooks.posts}) == 1
    times = [int(found.headers["webhook-timestamp"]) for found in hooks.posts]
    assert times[0] + 2 <= times[1] < times[2]
    assert len({found.headers["webhook-signature"] for found in hooks.posts}) == 3


async def test_ids_of_another_store(desk, listen, post):
    """A poster that starts again goes on with the same name of its store, and another store has another one."""
    hooks = await listen()
    await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: len(hooks.posts) == 1)
    await poster.close()
    await desk.sent(hooks.url)
    again = await post()
    await again.until(lambda: len(hooks.posts) == 2)
    await again.close()
    await desk.store.forget("webhooks", "journal")
    await desk.sent(hooks.url)
    other = await post()
    await other.until(lambda: len(hooks.posts) == 3)

    first, second, third = (found.id.split("_")[1] for found in hooks.posts)
    assert first == second != third


async def test_a_restart_posts_what_was_not_settled(desk, listen, post):
    """A letter that was posted, but of which nothing could be written down before the end, comes again as the same."""
    hooks = await listen()
    await desk.sent(hooks.url)
    desk.store.broken = True
    poster = await post()
    await poster.until(lambda: desk.store.refused)
    await poster.close()
    desk.store.broken = False
    again = await post()
    await again.until(lambda: len(hooks.posts) == 2)

    assert hooks.posts[0].id == hooks.posts[1].id
    await again.until(lambda: desk.store.settled)
    await again.quiet(120)
    assert len(hooks.posts) == 2


async def test_posts_on_their_way_at_the_end(desk, listen, post):
    """Closing waits for a post that is about to end and writes it down; one that hangs is given up and comes again."""
    hooks = await listen()
    hang = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if len(hooks.posts) == 2:
            await hang.wait()
        await asyncio.sleep(0.01)
        return web.Response()

    hooks.answer = answer
    for _ in range(2):
        await desk.sent(hooks.url)
    poster = await post(closing=0.2)
    await poster.until(lambda: len(hooks.posts) == 2)
    await poster.close()
    hang.set()

    assert [seq for seq, _ in desk.store.settled] == [1]
    again = await post()
    await again.until(lambda: len(hooks.posts) == 3)
    assert hooks.posts[2].id == hooks.posts[1].id


async def test_a_full_disk(desk, listen, post):
    """While nothing can be written down nothing new is posted, nothing twice, and the store is not hammered."""
    hooks = await listen()
    first = await desk.sent(hooks.url)
    await desk.delivered(first)
    for _ in range(3):
        await desk.sent(hooks.url)  # held before the disk is full
    desk.store.broken = True
    poster = await post(at_once_each=1)
    await poster.until(lambda: desk.store.refused)
    for _ in range(2):
        await desk.sent(hooks.url)
        poster.poke()
    await poster.quiet(60)

    assert len(hooks.posts) == 1
    assert desk.store.refused < 10
    desk.store.broken = False
    await poster.until(lambda: len(hooks.posts) == 7, seconds=60)
    await poster.quiet(60)
    assert len(hooks.posts) == 7
    assert [found.told[1] for found in hooks.posts if found.told[0] == first] == ["message.sent", "message.delivered"]


async def test_nothing_secret_is_shown(desk, listen, post, caplog, config):
    """Neither secret nor path, number or text is in events, logs, errors, or what objects show of themselves."""
    hooks = await listen(500)
    await desk.sent(hooks.url + "/s3cr3t-path?token=t0ken")
    poster = await post(resolver=None)
    await poster.until(lambda: len(hooks.posts) == 2, seconds=60)
    letters = await desk.store.letters(desk.clock.now() + 9999, 9)

    shown = f"{poster!r} {poster.events!r} {caplog.text} {config()!r} {[one.error for one in letters]}"
    for hidden in ("MfKQ9r8GKY", "s3cr3t", "t0ken", "79161234567", "4711"):
        assert hidden not in shown
    for found in hooks.posts:
        assert b"79161234567" not in found.body
        assert b"4711" not in found.body
