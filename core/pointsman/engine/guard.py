"""Keeping a plugin's mistakes to itself: what it raises or how long it takes must not reach anybody else."""

import logging
from collections import deque
from collections.abc import Callable
from math import inf
from typing import TypeVar

from pointsman.clock import Clock, cpu_time

T = TypeVar("T")
_log = logging.getLogger("pointsman.plugins")

TOO_LONG = 0.25
"""Seconds of the event loop that one call of a plugin's function may take."""
STRIKES = 3
"""A plugin that broke its contract so often within `WINDOW` is out of use until the configuration changes."""
GLANCE = 0.01
"""Seconds for which one reading of the processor's time serves: it asks the system, and nearly always in vain."""
WINDOW = 600.0
"""Seconds after which a breach of contract does not count any more."""


class Broke(Exception):
    """A plugin's function raised or returned something that its contract does not know."""


class Guard:
    """Calls the functions of one provider's plugin and counts what they do wrong.

    A call is slow when the processor worked too long for it. One during which the loop merely stood still may be the
    machine's doing, which was suspended or busy with others; that counts when it happens to one function again and
    again without a quick call in between, because then the function waits for something.

    State: when the last breaches were, when each function stood still, whether the plugin is out of use, and the last
    reading of the processor's time before a call.
    """

    def __init__(self, clock: Clock, quarantine: Callable[[str], None], cpu: Callable[[], float] = cpu_time) -> None:
        self._clock = clock
        self._quarantine = quarantine
        self._cpu = cpu
        self._strikes: deque[float] = deque(maxlen=STRIKES)
        self._stalls: dict[str, deque[float]] = {}
        self._quarantined = False
        self._read_at = -inf
        self._worked = 0.0

    @property
    def quarantined(self) -> bool:
        """Whether the plugin is out of use: nothing new is asked of it, not even reports or a balance."""
        return self._quarantined

    def call(self, what: str, function: Callable[[], T], sound: Callable[[T], bool]) -> T:
        """Return what `function` returns, if that is `sound`. Raises `Broke` otherwise."""
        started = self._clock.monotonic()
        if started - self._read_at >= GLANCE:
            self._read_at, self._worked = started, self._cpu()
        try:
            value = _checked(what, function, sound)
        except Broke as broke:
            self.strike(str(broke))
            raise
        finally:
            elapsed = self._clock.monotonic() - started
            if elapsed > TOO_LONG:
                self._was_slow(what, started)
            elif self._stalls:
                self._stalls.pop(what, None)
        return value

    def call_for_strangers(self, what: str, function: Callable[[], T], sound: Callable[[T], bool]) -> T:
        """Do the same with something that anybody may have sent us: a failure is logged, but nothing is counted.

        Otherwise whoever finds the address for reports could put a provider out of use with rubbish.
        """
        try:
            return _checked(what, function, sound)
        except Broke as broke:
            _log.warning("a plugin could not handle what came from outside: %s", broke)
            raise

    def strike(self, reason: str) -> None:
        """Count a breach of contract."""
        self._count(self._strikes, reason)

    def _was_slow(self, what: str, started: float) -> None:
        """Count a call that took too long; the processor cannot have worked for longer than it took."""
        reason = f"{what} kept the event loop for more than {TOO_LONG} s"
        before = started - self._read_at
        if self._cpu() - self._worked - before > TOO_LONG:
            self.strike(reason)
        else:
            self._count(self._stalls.setdefault(what, deque(maxlen=STRIKES)), reason)

    def _count(self, moments: deque[float], reason: str) -> None:
        now = self._clock.monotonic()
        moments.append(now)
        if not self._quarantined and len(moments) == STRIKES and now - moments[0] < WINDOW:
            self._quarantined = True
            self._quarantine(reason)


def _checked(what: str, function: Callable[[], T], sound: Callable[[T], bool]) -> T:
    try:
        value = function()
        fits = sound(value)
    except Exception as error:
        raise Broke(f"{what} raised {type(error).__name__}") from error
    if not fits:
        raise Broke(f"{what} returned {type(value).__name__} where its contract knows something else")
    return value
