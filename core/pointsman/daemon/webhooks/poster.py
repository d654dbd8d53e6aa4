"""Posts news to clients' webhooks: at least once, in order for each message, and not at the cost of others.

Theory of operation. What is to be posted stands in the store; this is only what works on it. A round reads letters that
are due, holds those that their receivers can take soon, and puts the others off. A held letter is posted, and what
became of it is written down; only then is the next letter of its message seen. A crash between the two posts a letter
again, under the same id. While the store cannot write, what was posted is kept in memory, and nothing else is posted.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from random import Random

from aiohttp.abc import AbstractResolver

from pointsman.clock import Clock
from pointsman.config import ClientConfig
from pointsman.daemon.webhooks.calling import Caller
from pointsman.daemon.webhooks.dead import DeadLetters
from pointsman.daemon.webhooks.desk import Desk
from pointsman.daemon.webhooks.fates import Answer, fate_after, fate_hindered, fate_untried
from pointsman.daemon.webhooks.receivers import Receiver, Receivers
from pointsman.daemon.webhooks.settings import Settings
from pointsman.daemon.webhooks.waiting import Bell
from pointsman.errors import StoreError
from pointsman.events import Event
from pointsman.store.interface import Fate, Letter, Store

WINDOW = 250
"""Letters that one round looks at besides those that are held."""
GAP = 0.02
"""Seconds from a ring to its round, so that a hundred pieces of news at once are one round."""
LOOK = 1.0
"""Seconds after which a round follows at most while the store has letters that are due."""
IDLE = 30.0
"""Seconds after which a round follows in any case."""
STORE_PAUSE = 1.0
STORE_PAUSE_LONGEST = 30.0
_log = logging.getLogger("pointsman.webhooks")


class Poster:
    """The poster of one daemon. `start` it once the store is open, and `close` it before the store.

    `emit` is called with `WebhookPosted` for each post and `WebhookGivenUp` for each letter that dies; it must not
    raise. `resolver` takes the place of the system's, for tests.

    State: the letters that are held, the receivers and how they are doing, and what became of letters that could not
    be written down yet. All of it may be lost.
    """

    def __init__(
        self,
        store: Store,
        clients: Mapping[str, ClientConfig],
        *,
        clock: Clock,
        random: Random,
        emit: Callable[[Event], None],
        settings: Settings | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._settings = settings or Settings()
        self._caller = Caller(clock, self._settings, resolver)
        self._desk = Desk(store, clients, clock, random, emit, self._caller)
        self._dead = DeadLetters(store, clock)
        self._receivers = Receivers(self._settings)
        self._held: set[int] = set()
        self._unsettled: dict[int, tuple[Letter, Fate]] = {}
        self._posts: set[asyncio.Task[None]] = set()
        self._bell = Bell(clock)
        self._loop: asyncio.Task[None] | None = None
        self._closing = False

    def __repr__(self) -> str:
        return f"<Poster {len(self._held)} letters held, {len(self._posts)} on their way>"

    async def start(self) -> None:
        """Begin to post what is due. Connects to nobody and reads nothing yet."""
        await self._caller.open()
        self._loop = asyncio.create_task(self._run(), name="webhooks")

    async def close(self) -> None:
        """Stop. Posts on their way may end and are written down; those that take longer are posted again later."""
        self._closing = True
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._posts:
            await asyncio.wait(self._posts, timeout=self._settings.closing)
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)
        try:
            await self._settle_what_is_left()
        except StoreError:
            _log.warning("%d letters that were posted could not be written down", len(self._unsettled))
        await self._caller.close()

    def poke(self) -> None:
        """Look for letters now: there is news. Cheap, and never needed for correctness."""
        self._bell.ring()

    def configure(self, clients: Mapping[str, ClientConfig]) -> None:
        """Take over clients of a new configuration: their secrets and rules hold from the next post on."""
        self._desk.clients = clients
        self.poke()

    async def dead(self, after: int = 0, limit: int = 100, *, client: str | None = None) -> tuple[Letter, ...]:
        """Return letters that are not tried any more, in order, from behind a place on; of one client or of all."""
        return await self._dead.found(after, limit, client)

    async def retry(self, seqs: Sequence[int]) -> int:
        """Try these dead letters again, for another day; return how many there were. Raises `StoreUnavailable`."""
        return await self._revived(await self._dead.revive(seqs))

    async def retry_all(self, client: str) -> int:
        """Try all dead letters of a client again; return how many there were. Raises `StoreUnavailable`."""
        return await self._revived(await self._dead.revive_all(client))

    async def _revived(self, revived: Mapping[str, int]) -> int:
        for client in revived:
            self._receivers.try_again(client)
        self._desk.forget_lives()
        self.poke()
        return sum(revived.values())

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                wait = await self._round()
                failures = 0
            except StoreError as error:
                failures += 1
                if failures == 1:
                    _log.warning("no webhooks are posted while the store cannot be used: %s", error.problem)
                await self._clock.sleep(min(STORE_PAUSE * 2.0 ** min(failures - 1, 10), STORE_PAUSE_LONGEST))
            except Exception as error:  # noqa: BLE001 - clients are still to be told of everything else
                _log.error("a round of webhooks failed in an unforeseen way: %s", type(error).__name__)
                await self._clock.sleep(LOOK)
            else:
                if await self._bell.wait(wait):
                    await self._clock.sleep(GAP)

    async def _round(self) -> float:
        """Take up what is due; return in how many seconds to look again at the latest. Raises `StoreError`."""
        await self._settle_what_is_left()
        await self._desk.prepare()
        now = self._clock.now()
        self._receivers.forget_idle(self._clock.monotonic())
        room = self._settings.held - len(self._held)
        asked = len(self._held) + min(WINDOW, room)
        # Not for a few: those that are held are read as well.
        letters = await self._store.letters(now, asked) if room > self._settings.held // 8 else ()
        fresh = [letter for letter in letters if letter.news.seq not in self._held]
        put_off = [(letter, fate) for letter in fresh if (fate := self._offered(letter)) is not None]
        self._post_next()
        await asyncio.gather(*(self._settle(letter, fate) for letter, fate in put_off))
        if fresh and len(letters) == asked:
            return 0.0
        following = await self._store.next_letter()
        return IDLE if following is None else min(max(following - self._clock.now(), LOOK), IDLE)

    def _offered(self, letter: Letter) -> Fate | None:
        """Hold a letter and return None, or return what becomes of it instead."""
        now, since = self._clock.now(), self._desk.life_of(letter)
        obstacle = self._desk.obstacle(letter)
        if obstacle is not None:
            return fate_hindered(obstacle, self._settings, now=now, since=since)
        monotonic = self._clock.monotonic()
        receiver, wait = self._receivers.offer(letter, monotonic, self._random.random())
        if wait is None:
            self._held.add(letter.news.seq)
            return None
        outage = receiver.outage(monotonic)
        return fate_untried(letter, self._settings, now=now, since=since, until=now + wait, outage=outage)

    def _post_next(self) -> None:
        """Start as many posts as may be on their way. None while something that was posted is not written down."""
        while not self._closing and not self._unsettled and len(self._posts) < self._settings.at_once:
            found = self._receivers.next(self._clock.monotonic())
            if found is None:
                return
            receiver, letter = found
            receiver.busy += 1
            post = asyncio.create_task(self._post(receiver, letter), name=f"webhook {letter.news.seq}")
            self._posts.add(post)
            post.add_done_callback(self._ended)

    def _ended(self, post: asyncio.Task[None]) -> None:
        self._posts.discard(post)
        self._post_next()
        self._bell.ring()  # the next letter of its message may wait for this

    async def _post(self, receiver: Receiver, letter: Letter) -> None:
        started = self._clock.monotonic()
        try:
            answer = await self._desk.post(letter)
        finally:
            receiver.busy -= 1
        self._take_note(receiver, answer, started)
        fate = fate_after(
            letter,
            answer,
            self._settings,
            now=self._clock.now(),
            since=self._desk.life_of(letter),
            chance=self._random.random(),
        )
        self._desk.tell_posted(letter, answer, self._clock.monotonic() - started)
        await self._settle(letter, fate)

    def _take_note(self, receiver: Receiver, answer: Answer, started: float) -> None:
        for released in receiver.answered(answer, started, self._clock.monotonic(), self._random.random()):
            self._held.discard(released.news.seq)

    async def _settle_what_is_left(self) -> None:
        """Write down what became of letters. Raises `StoreError` when that still does not work."""
        for seq, (letter, fate) in tuple(self._unsettled.items()):
            await self._store.settle_letter(seq, fate)
            self._settled(letter, fate)

    async def _settle(self, letter: Letter, fate: Fate) -> None:
        """Write down what became of a letter, or remember it until the store can."""
        try:
            await self._store.settle_letter(letter.news.seq, fate)
        except StoreError:
            self._unsettled[letter.news.seq] = letter, fate
        else:
            self._settled(letter, fate)

    def _settled(self, letter: Letter, fate: Fate) -> None:
        self._unsettled.pop(letter.news.seq, None)
        self._held.discard(letter.news.seq)
        self._desk.tell_fate(letter, fate)
