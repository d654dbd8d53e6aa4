"""The router for code without an event loop: the same methods, each waiting for its result."""

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self, TypeVar

from pointsman.config import Config, Reloaded
from pointsman.engine.answers import Figures
from pointsman.engine.status import ProviderStatus
from pointsman.engine.switches import BY_HAND, Probed
from pointsman.errors import RouterClosed
from pointsman.message import Channel, Message
from pointsman.outcome import LookupResult, Receipt, Refused, Report
from pointsman.plugin import Incoming
from pointsman.router import DRAIN_PATIENCE, Router
from pointsman.routing.candidate import Decision
from pointsman.routing.drift import Comparison
from pointsman.routing.inbox import InboxCursor

LATE_PATIENCE = 0.5
"""Seconds that calls get which came in while the router was being closed."""
T = TypeVar("T")


class SyncRouter:
    """A router in a thread of its own. Use it as `with`; its methods may be called from any thread.

    The methods mean and raise what they do in `Router`.
    """

    def __init__(self, make: Callable[[], Router]) -> None:
        """`make` puts the router together; it is called in the router's thread."""
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._router: Router | None = None
        # Nothing is handed to the loop once it has been told to stop: it would never be answered.
        self._handing_over = threading.Lock()
        self._closing = threading.Lock()

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **options: Any) -> Self:
        """Read a configuration; `options` are those of `Router.from_toml`.

        The file is read here and now, so `ConfigError` is raised by this call.
        """
        router = Router.from_toml(path, **options)
        return cls(lambda: router)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the thread and the router in it."""
        if self._thread is not None:
            raise RouterClosed("the router is running already")
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(target=self._run, args=(loop,), name="pointsman", daemon=True)
        self._thread.start()
        try:
            self._call(self._started())
        except BaseException:
            self._stop()
            raise

    def close(self, patience: float = DRAIN_PATIENCE) -> None:
        """Stop the router as `Router.aclose` does, and its thread; does nothing when it is not running."""
        if threading.current_thread() is self._thread:
            raise RouterClosed("the router cannot be closed by its own thread")
        with self._closing:
            try:
                if self._router is not None:
                    self._call(self._router.aclose(patience))
            finally:
                self._stop()

    def send(self, message: Message, *, until_final: bool = False) -> Receipt:
        """Send one message."""
        return self._call(self._running().send(message, until_final=until_final))

    def submit(self, message: Message) -> Receipt:
        """Take one message and send it in the background, when it is due."""
        return self._call(self._running().submit(message))

    def send_many(self, messages: Iterable[Message], *, until_final: bool = False) -> list[Receipt]:
        """Send several messages."""
        return self._call(self._running().send_many(list(messages), until_final=until_final))

    def lookup(self, number: str, *, max_age: timedelta | None = None) -> LookupResult | None:
        """Look a number up, unless a result that is not older than `max_age` is known."""
        return self._call(self._running().lookup(number, max_age=max_age))

    def inbox(self, provider: str, *, since: datetime, until: datetime) -> tuple[Incoming, ...] | Refused:
        """Return the messages that people sent to us within a span."""
        return self._call(self._running().inbox(provider, since=since, until=until))

    def incoming(self, provider: str, cursor: InboxCursor) -> tuple[tuple[Incoming, ...], InboxCursor] | Refused:
        """Return the messages that came since a cursor, and the cursor for the next time."""
        return self._call(self._running().incoming(provider, cursor))

    def statistics(self, provider: str, *, since: datetime, until: datetime) -> Figures | Refused:
        """Return a provider's own figures about a span."""
        return self._call(self._running().statistics(provider, since=since, until=until))

    def prices(self, provider: str) -> tuple[Comparison, ...] | Refused:
        """Return the price list that a provider itself tells, each line beside ours."""
        return self._call(self._running().prices(provider))

    def status(
        self,
        provider: str,
        ids: Iterable[str] = (),
        reference: str | None = None,
        *,
        to: str | None = None,
        channel: Channel = Channel.SMS,
    ) -> tuple[Report, ...] | Refused:
        """Ask a provider about one message now."""
        return self._call(self._running().status(provider, tuple(ids), reference, to=to, channel=channel))

    def explain(self, message: Message) -> Decision:
        """Return the decision that would be made for a message now."""
        router = self._running()
        return self._call(_in_loop(lambda: router.explain(message)))

    def providers(self) -> tuple[ProviderStatus, ...]:
        """Return how every provider is doing."""
        router = self._running()
        return self._call(_in_loop(router.providers))

    def receipt(self, message_id: str) -> Receipt | None:
        """Return what is known of a message."""
        return self._call(self._running().receipt(message_id))

    def wait(self, message_id: str) -> Receipt:
        """Wait until nothing more is going to be done for a message."""
        return self._call(self._running().wait(message_id))

    def confirm(self, message_id: str) -> bool:
        """Note that the recipient of a message got it."""
        return self._call(self._running().confirm(message_id))

    def cancel(self, message_id: str) -> bool:
        """Keep a message from being sent if it has not left yet; what holds after it is that of `Router.cancel`."""
        return self._call(self._running().cancel(message_id))

    def trip(self, provider: str, channel: Channel | None = None, seconds: float | None = None, **options: str) -> None:
        """Take a provider out of use; `options` are those of `Router.trip`."""
        router = self._running()
        self._call(_in_loop(lambda: router.trip(provider, channel, seconds, **options)))

    def reset(self, provider: str, channel: Channel | None = None, **options: str) -> None:
        """Close the breakers of a provider; `options` are those of `Router.reset`."""
        router = self._running()
        self._call(_in_loop(lambda: router.reset(provider, channel, **options)))

    def topped_up(self, provider: str, amount: Decimal) -> None:
        """Tell that money was paid in."""
        router = self._running()
        self._call(_in_loop(lambda: router.topped_up(provider, amount)))

    def reload(self, config: Config) -> Reloaded:
        """Put another configuration in force while messages are on their way; say what it changed."""
        return self._call(self._running().reload(config))

    def drain(self, provider: str, reason: str = BY_HAND) -> None:
        """Let a provider have nothing new until `resume`."""
        self._call(self._running().drain(provider, reason))

    def resume(self, provider: str) -> None:
        """Let a provider have messages again."""
        self._call(self._running().resume(provider))

    def probe(self, provider: str) -> Probed:
        """Ask a provider now whether it lets us in."""
        return self._call(self._running().probe(provider))

    def _running(self) -> Router:
        if self._router is None:
            raise RouterClosed("the router is not running: use `with SyncRouter…` or call `start` first")
        return self._router

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        with self._handing_over:
            if self._loop is None or threading.current_thread() is self._thread:
                work.close()
                raise RouterClosed("not from the router's own thread, and only while it is running")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise RouterClosed("the router was closed before this was done") from error
        except BaseException:
            future.cancel()
            raise

    async def _started(self) -> None:
        router = self._make()
        await router.start()
        self._router = router

    def _stop(self) -> None:
        with self._handing_over:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = self._router = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(_abandon())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


async def _abandon() -> None:
    """End what came in after the router was closed, so that whoever waits for it is told."""
    late = asyncio.all_tasks() - {asyncio.current_task()}
    if late:
        _, stuck = await asyncio.wait(late, timeout=LATE_PATIENCE)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _in_loop(function: Callable[[], T]) -> T:
    """Run a function where the router's state may be read."""
    return function()
