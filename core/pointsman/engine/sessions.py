"""One session for all calls to a provider: one login at a time, renewed before it ends."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from pointsman.clock import Clock
from pointsman.engine.backoff import Backoff
from pointsman.outcome import Fault, Refused
from pointsman.plugin import Session
from pointsman.routing.rests import ACCOUNT_PROBE

RENEW_AT = 11 / 12
"""Share of its life after which a session is renewed: providers do not say when exactly it begins."""


class Sessions:
    """The present session, and the login in flight that everybody waits for together.

    A login that was refused is not tried again at once, whoever asks for a session: a refused account is asked as
    seldom as a message may try it, because more would lock it out; after other refusals the pauses grow from 1 s to
    60 s. One failure alone, which may be a hiccup, begins no pause. Within a pause the refusal is the answer.
    """

    def __init__(self, log_in: Callable[[], Awaitable[Session | Refused]], clock: Clock) -> None:
        self._log_in = log_in
        self._clock = clock
        self._session: Session | None = None
        self._renew_at = 0.0
        self._login: asyncio.Task[Session | Refused] | None = None
        self._refusal: Refused | None = None
        self._backoff = Backoff()

    async def get(self) -> Session | Refused:
        """Return a session that is good for a while yet, logging in where there is none."""
        now = self._clock.monotonic()
        if self._session is not None and now < self._renew_at:
            return self._session
        if self._login is None:
            if self._refusal is not None and self._backoff.pauses(now):
                return self._remembered(self._refusal, now)
            self._login = asyncio.create_task(self._renew(), name="login")
        # The login is shared: one of those who wait may be cancelled without taking it away from the others.
        return await asyncio.shield(self._login)

    def retry(self) -> None:
        """Log in again when a session is wanted next, whatever came of it before: something is different now."""
        self._refusal = None
        self._backoff.succeeded()

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
                self._refusal = None
                self._backoff.succeeded()
            else:
                self._back_off(result, started)
            return result
        finally:
            self._login = None

    def _back_off(self, refusal: Refused, started: float) -> None:
        now = self._clock.monotonic()
        match refusal.fault:
            case Fault.CREDENTIALS | Fault.FORBIDDEN:
                # Counted from the beginning: a message that may try after so long must find the pause over.
                self._backoff.failed(started, started, ACCOUNT_PROBE)
            case Fault.THROTTLED:
                self._backoff.failed(started, now, refusal.retry_after)
            case _ if self._refusal is not None:
                self._backoff.failed(started, now)
            case _:
                pass  # a hiccup until it comes twice
        self._refusal = refusal

    def _remembered(self, refusal: Refused, now: float) -> Refused:
        """Return a refusal from before; what the provider asked us to wait is shorter by now."""
        if refusal.retry_after is None:
            return refusal
        return msgspec.structs.replace(refusal, retry_after=self._backoff.until - now)
