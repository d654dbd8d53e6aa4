"""From a letter to a signed post and what is told of it: everything about one letter that needs no queue."""

import logging
from collections.abc import Callable, Mapping
from random import Random

from yarl import URL

from pointsman.clock import Clock
from pointsman.config import ClientConfig
from pointsman.daemon.webhooks.calling import Caller
from pointsman.daemon.webhooks.dead import lives
from pointsman.daemon.webhooks.fates import Answer
from pointsman.daemon.webhooks.signing import body_of, signed_headers, webhook_id
from pointsman.daemon.webhooks.urls import check_callback_url
from pointsman.errors import InvalidMessage
from pointsman.events import Event, WebhookGivenUp, WebhookOutcome, WebhookPosted
from pointsman.store.interface import Dead, Fate, Letter, Store

KIND, NAME = "webhooks", "journal"
"""Under these the store keeps a name of its own, which is part of all ids."""
_log = logging.getLogger("pointsman.webhooks")


class Desk:
    """Signs and posts one letter at a time.

    State: the clients, exchanged when the configuration is; and two things that the store keeps, read when needed.
    """

    def __init__(
        self,
        store: Store,
        clients: Mapping[str, ClientConfig],
        clock: Clock,
        random: Random,
        emit: Callable[[Event], None],
        caller: Caller,
    ) -> None:
        self.clients = clients
        self._store = store
        self._clock = clock
        self._random = random
        self._emit = emit
        self._caller = caller
        self._journal: str | None = None
        self._lives: Mapping[str, float] | None = None

    async def prepare(self) -> None:
        """Read what is needed from the store; cheap when it was read before. Raises `StoreError`."""
        if self._journal is None:
            self._journal = await self._name_of_journal()
        if self._lives is None:
            self._lives = await lives(self._store)

    def forget_lives(self) -> None:
        """Read again since when letters live: somebody said to try some again."""
        self._lives = None

    def life_of(self, letter: Letter) -> float:
        """Return since when a letter lives (wall time)."""
        return max(letter.news.at, (self._lives or {}).get(letter.news.client, 0.0))

    def obstacle(self, letter: Letter) -> str | None:
        """Return why the configuration does not let a letter be posted now; None when it does."""
        client = self.clients.get(letter.news.client)
        if client is None:
            return "the client is not in the configuration"
        try:
            check_callback_url(client, letter.url)
        except InvalidMessage as error:
            return error.problem
        return None

    async def post(self, letter: Letter) -> Answer:
        """Post a letter once; return what came of it."""
        client = self.clients.get(letter.news.client)
        if client is None or client.webhook_secret is None:
            return Answer(outcome=WebhookOutcome.BLOCKED, detail="the client has no webhook_secret any more")
        body = body_of(letter.news)
        headers = signed_headers(client.webhook_secret.secrets, self._id(letter), self._clock.now(), body)
        try:
            return await self._caller.post(letter.url, headers, body, allow_private=client.allow_private_callbacks)
        except Exception as error:  # noqa: BLE001 - one letter must not stop the others
            _log.error("posting letter %d failed in an unforeseen way: %s", letter.news.seq, type(error).__name__)
            return Answer(outcome=WebhookOutcome.ERROR, detail="something unforeseen happened in this program")

    def tell_posted(self, letter: Letter, answer: Answer, duration: float) -> None:
        """Tell observers of a post."""
        now, news = self._clock.now(), letter.news
        self._emit(
            WebhookPosted(
                at=now,
                client=news.client,
                message_id=news.message_id,
                webhook_id=self._id(letter),
                host=URL(letter.url, encoded=True).raw_host or "",
                outcome=answer.outcome,
                http_status=answer.status,
                duration=duration,
                tries=letter.tries + 1,
                delay=max(now - news.at, 0.0),
                detail=answer.detail,
            )
        )

    def tell_fate(self, letter: Letter, fate: Fate) -> None:
        """Tell observers of a letter that died; only once that is written down."""
        if isinstance(fate, Dead):
            news = letter.news
            self._emit(
                WebhookGivenUp(
                    at=self._clock.now(),
                    client=news.client,
                    message_id=news.message_id,
                    reason=fate.error,
                )
            )

    def _id(self, letter: Letter) -> str:
        return webhook_id(self._journal or "", letter.news)

    async def _name_of_journal(self) -> str:
        """Return the store's name, and give it one when it has none: numbers of another store must not look the same.

        The time is in it as well, because a generator may be seeded alike at every start.
        """
        kept = (await self._store.kept(KIND)).get(NAME)
        if kept is None:
            kept = f"{int(self._clock.now() * 1000):x}{self._random.getrandbits(48):012x}".encode()
            await self._store.keep(KIND, NAME, kept)
        return kept.decode()
