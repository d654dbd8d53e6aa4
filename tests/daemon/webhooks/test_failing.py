"""Receivers that fail: what is tried again and when, what is dead, and that nobody else has to wait for it."""

import asyncio
import gzip

import pytest
from aiohttp import web

from pointsman.config.webhooks import HostPattern
from pointsman.events import WebhookGivenUp, WebhookOutcome, WebhookPosted
from pointsman.store.interface import Again, Dead, Later


async def hang(request: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.sleep(60)
    return web.Response()


async def close(request: web.Request) -> web.Response:
    """Hang up after the request was read."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def huge(request: web.Request) -> web.StreamResponse:
    """Take it, and answer without an end."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(4096):
        await response.write(b"x" * 65536)
    return response


async def bomb(request: web.Request) -> web.Response:
    """Take it, and answer with much in little."""
    return web.Response(body=gzip.compress(bytes(1 << 22)), headers={"Content-Encoding": "gzip"})


def outcomes(poster):
    """What the posts came to."""
    return [event.outcome for event in poster.events if isinstance(event, WebhookPosted)]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (200, WebhookOutcome.TAKEN),
        (204, WebhookOutcome.TAKEN),
        (302, WebhookOutcome.REDIRECTED),
        (304, WebhookOutcome.REDIRECTED),
        (400, WebhookOutcome.REFUSED),
        (404, WebhookOutcome.REFUSED),
        (410, WebhookOutcome.GONE),
        (429, WebhookOutcome.THROTTLED),
        (500, WebhookOutcome.ERROR),
        (503, WebhookOutcome.ERROR),
        (hang, WebhookOutcome.TIMEOUT),
        (close, WebhookOutcome.UNREACHABLE),
        (huge, WebhookOutcome.TAKEN),
        (bomb, WebhookOutcome.TAKEN),
    ],
)
async def test_answers(desk, listen, post, answer, outcome):
    """A 2xx alone is taken, whatever follows it; a 410 is the end; all else is tried again. Nothing is sent twice."""
    hooks = await listen(answer)
    await desk.sent(hooks.url)
    poster = await post(timeout=0.15)
    await poster.until(lambda: desk.store.settled, step=0.001)

    assert outcomes(poster) == [outcome]
    assert len(hooks.posts) == 1
    left = await desk.store.letters(desk.clock.now() + 9999, 9)
    dead = await poster.dead()
    assert (len(left), len(dead)) == {WebhookOutcome.TAKEN: (0, 0), WebhookOutcome.GONE: (0, 1)}.get(outcome, (1, 0))


async def test_nobody_listens(desk, listen, post):
    """A receiver that is not there is unreachable; once it is, everything arrives."""
    hooks = await listen()
    await hooks.stop()
    port = int(hooks.url.split(":")[2].split("/")[0])
    ident = await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: desk.store.settled)
    assert outcomes(poster) == [WebhookOutcome.UNREACHABLE]

    app = web.Application()
    app.router.add_post("/hook", hooks._serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await poster.until(lambda: hooks.posts, seconds=30)
    await runner.cleanup()
    assert hooks.posts[0].told == (ident, "message.sent")


async def test_redirects_are_not_followed(desk, listen, post):
    """A receiver that redirects to a server within the network is not obeyed: that server sees nothing."""
    inner = await listen()
    hooks = await listen(307, Location=inner.url)
    await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: len(hooks.posts) == 3, seconds=60)

    assert inner.posts == []
    assert set(outcomes(poster)) == {WebhookOutcome.REDIRECTED}


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_that_asks_for_time(desk, listen, post, status):
    """`Retry-After` is heeded for all of its letters."""
    hooks = await listen(status, Retry_After="120")
    for _ in range(20):
        await desk.sent(hooks.url)
    poster = await post()
    await poster.until(lambda: hooks.posts)
    await poster.quiet(1)
    before = len(hooks.posts)
    hooks.answer = 204
    await poster.quiet(100)
    assert len(hooks.posts) == before <= 8
    await poster.until(lambda: len(hooks.posts) == before + 20, seconds=60)


async def test_a_day_of_failures(desk, listen, post):
    """A letter is tried with growing pauses, for the last time after 24 hours, and is dead then."""
    hooks = await listen(500)
    await desk.sent(hooks.url)
    start = desk.clock.now()
    poster = await post()
    await poster.until(
        lambda: isinstance(poster.events[-1:] and poster.events[-1], WebhookGivenUp), seconds=90000, step=300
    )

    pauses = [fate.at for _, fate in desk.store.settled if isinstance(fate, Again)]
    assert 2 <= pauses[0] - start <= 10
    assert desk.clock.now() - start == pytest.approx(86400, abs=400)
    assert 15 < len(hooks.posts) < 45
    assert len({found.id for found in hooks.posts}) == 1
    (letter,) = await poster.dead(client="shop")
    assert letter.error == "error: the receiver answered 500"
    assert await poster.dead(client="other") == ()

    # Said to be tried again, it lives for another day, under the same id.
    tried = len(hooks.posts)
    assert await poster.retry([letter.news.seq, letter.news.seq, 4711, -1, 2**80]) == 1
    await poster.until(lambda: len(hooks.posts) > tried + 10, seconds=40000, step=300)
    assert await poster.dead() == ()
    hooks.answer = 204
    await poster.until(lambda: desk.store.settled[-1][1].__class__.__name__ == "Posted", seconds=9000, step=300)
    assert len({found.id for found in hooks.posts}) == 1


async def test_retry_of_all(desk, listen, post, config):
    """All dead letters of one client are tried again, those of another stay dead."""
    hooks = await listen(410)
    for client in ("shop", "shop", "bank"):
        await desk.sent(hooks.url, client)
    poster = await post(config("shop"), config("bank"))
    await poster.until(lambda: len(desk.store.settled) == 3)
    hooks.answer = 204
    assert len(await poster.dead()) == 3
    assert len(await poster.dead(limit=1, client="bank")) == 1
    assert [one.news.client for one in await poster.dead(after=1)] == ["shop", "bank"]
    assert await poster.retry_all("shop") == 2
    await poster.until(lambda: len(hooks.posts) == 5)
    assert [one.news.client for one in await poster.dead()] == ["bank"]


async def test_retry_ends_the_rest(desk, listen, post):
    """Who says that letters are to be tried again knows that the receiver works: it is not left alone any longer."""
    hooks = await listen(500)
    await desk.sent(hooks.url)
    poster = await post(first_pause=600.0, longest_rest=3600.0, give_up=0.0, least_tries=1)
    await poster.until(lambda: any(isinstance(one, WebhookGivenUp) for one in poster.events))
    hooks.answer = 204
    assert await poster.retry_all("shop") == 1
    await poster.until(lambda: len(hooks.posts) == 2, seconds=5)


async def test_a_slow_receiver_delays_nobody(desk, listen, post):
    """With hundreds of older letters for a receiver that hangs, another one gets its own at once."""
    slow, quick = await listen(hang), await listen()
    for _ in range(400):
        await desk.sent(slow.url)
    poster = await post(at_once_each=4, timeout=0.5)
    await poster.until(lambda: slow.posts)
    for _ in range(20):
        await desk.sent(quick.url)
    poster.poke()
    await poster.until(lambda: len(quick.posts) == 20, seconds=10)

    assert slow.most_at_once <= 4
    assert quick.most_at_once <= 4


async def test_posts_at_once(desk, listen, post):
    """No more posts are on their way than are allowed, over all and to one receiver; then the others follow."""
    gate = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    servers = [await listen(wait) for _ in range(4)]
    for server in servers:
        for _ in range(8):
            await desk.sent(server.url)
    poster = await post(at_once=10, at_once_each=4)
    await poster.until(lambda: sum(server.at_once for server in servers) == 10)
    await poster.quiet(5)
    assert sum(server.at_once for server in servers) == 10
    assert max(server.at_once for server in servers) <= 4

    gate.set()
    await poster.until(lambda: sum(len(server.posts) for server in servers) == 32)
    assert max(server.most_at_once for server in servers) <= 4


async def test_a_dead_receiver_with_many_letters(desk, listen, post):
    """Thousands of letters to a receiver that fails cost a handful of posts; they lose no tries, and arrive later."""
    hooks = await listen(500)
    for _ in range(2000):
        await desk.sent(hooks.url)
    poster = await post()
    await poster.quiet(600)

    assert len(hooks.posts) < 40
    assert {type(fate) for _, fate in desk.store.settled} == {Again, Later}
    letters = await desk.store.letters(desk.clock.now() + 9999, 2000)
    assert sum(letter.tries for letter in letters) == len(hooks.posts)
    hooks.answer = 204
    await poster.until(lambda: len({found.id for found in hooks.posts}) == 2000, seconds=2000, step=1)


async def test_an_outage_of_a_day(desk, listen, post):
    """Letters that were never tried because their receiver took nothing all day are dead after it, too."""
    hooks = await listen(500)
    for _ in range(100):
        await desk.sent(hooks.url)
    poster = await post(give_up=7200.0, least_outage=1800.0)
    await poster.quiet(9000)

    assert len(await poster.dead(limit=200)) == 100
    assert len(hooks.posts) < 100
    assert sum(isinstance(event, WebhookGivenUp) for event in poster.events) == 100


async def test_old_letters_get_their_tries(desk, listen, post):
    """News from a day when the daemon did not run are not given up after the first failure."""
    hooks = await listen(500)
    await desk.sent(hooks.url)
    await desk.clock.advance(30 * 3600)
    poster = await post()
    await poster.until(lambda: any(isinstance(fate, Dead) for _, fate in desk.store.settled), seconds=7200, step=5)

    assert len(hooks.posts) == 8


async def test_a_client_that_is_not_configured(desk, listen, post, config):
    """Letters of a client that is gone, or that has no secret, wait for the configuration to be put right."""
    hooks = await listen()
    await desk.sent(hooks.url)
    poster = await post(config("other"))
    await poster.quiet(300)
    poster.configure({"shop": config(webhook_secret=None)})
    await poster.quiet(300)
    assert hooks.posts == []
    assert poster.events == []

    poster.configure({"shop": config()})
    await poster.until(lambda: hooks.posts, seconds=90)


async def test_that_client_for_good(desk, listen, post, config):
    """After a day they are dead, with the reason."""
    await desk.sent("http://127.0.0.1:9/hook")
    poster = await post(config("other"), give_up=3600.0)
    await poster.quiet(3800)

    (letter,) = await poster.dead()
    assert letter.error == "the client is not in the configuration"


async def test_a_wish_that_is_not_allowed_any_more(desk, listen, post, config):
    """An address that the configuration does not allow any more is not posted to."""
    hooks = await listen()
    await desk.sent(hooks.url)
    poster = await post(config(callback_hosts=(HostPattern("hooks.shop.example"),)))
    await poster.quiet(120)

    assert hooks.posts == []
