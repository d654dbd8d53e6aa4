"""One session for all calls to a provider: one login at a time, renewed before it ends."""

import asyncio
from collections.abc import Awaitable, Callable

from pointsman.clock import Clock
from pointsman.outcome import Refused
from pointsman.plugin import Session

RENEW_AT = 11 / 12
"""Share of its life after which a session is renewed: providers do not say when exactly it begins."""


class Sessions:
    """The present session, and the login in flight that everybody waits for together."""

    def __init__(self, log_in: Callable[[], Awaitable[Session | Refused]], clock: Clock) -> None:
        self._log_in = log_in
        self._clock = clock
        self._session: Session | None = None
        self._renew_at = 0.0
        self._login: asyncio.Task[Session | Refused] | None = None

    async def get(self) -> Session | Refused:
        """Return a session that is good for a while yet, logging in where there is none."""
        if self._session is not None and self._clock.monotonic() < self._renew_at:
            return self._session
        if self._login is None:
            self._login = asyncio.create_task(self._renew(), name="login")
        # The login is shared: one of those who wait may be cancelled without taking it away from the others.
        return await asyncio.shield(self._login)

    def expired(self, session: Session) -> None:
        """Forget a session that the provider does not accept any more, unless it has been replaced already."""
        if self._session is session:
            self._session = None

    async def close(self) -> None:
        """End a login that is still in flight."""
        if self._login is not None:
            self._login.cancel()
            await asyncio.gather(self._login, return_exceptions=True)

    async def _renew(self) -> Session | Refused:
        try:
            started = self._clock.monotonic()
            result = await self._log_in()
            if isinstance(result, Session):
                self._session = result
                self._renew_at = started + result.valid_for.total_seconds() * RENEW_AT
            return result
        finally:
            self._login = None
