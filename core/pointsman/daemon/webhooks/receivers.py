"""Receivers and how they are doing: who may be posted to now, who rests, and how many letters are worth holding.

Theory of operation. A receiver is a client at one host. What it cannot take soon is not kept in memory: such letters
are put off in the store, spread over the time that they are going to need, so that they neither stand in the way of
other receivers' letters nor come back all at once. One that fails rests; then one letter at a time tries it.
"""

from collections import deque

from yarl import URL

from pointsman.daemon.webhooks.fates import NOT_AT_FAULT, OWN_FAULT, Answer, backoff
from pointsman.daemon.webhooks.settings import Settings
from pointsman.store.interface import Letter

SOON = 5.0
"""Seconds: a receiver's letters are held in memory if it is likely to have taken them by then."""
IN_A_ROW = 5
"""Refusals after which they speak against the receiver and not against the letters."""
AT_LEAST = 0.25
AFTER_REST = 5.0
"""Seconds for which letters are put off at least: by one that works, and after the rest of one that failed."""
LONGEST_SPREAD = 900.0
"""Seconds over which letters that were put off come back at most."""
_FORGET = 0.8
"""What the usual duration keeps of itself at each post."""

Key = tuple[str, str]
"""Client and origin."""


def key_of(letter: Letter) -> Key:
    """Return whose letter this is and where it goes; scheme, host and port."""
    try:
        return letter.news.client, str(URL(letter.url, encoded=True).origin()).lower()
    except ValueError:
        return letter.news.client, ""


class Receiver:
    """One receiver. Times are monotonic seconds."""

    __slots__ = (
        "_put_off",
        "_refusals",
        "_settings",
        "_told",
        "busy",
        "failing_since",
        "failures",
        "queue",
        "until",
        "usual",
    )

    def __init__(self, settings: Settings, known_at: float) -> None:
        self._settings = settings
        self.queue: deque[Letter] = deque()
        self.busy = 0
        """On their way to it."""
        self.failures = 0
        """In a row; several on their way together count once."""
        self.failing_since: float | None = None
        self.until = float("-inf")
        """It rests until then."""
        self.usual: float | None = None
        """Seconds that a post to it takes; None before the first."""
        self._refusals = 0
        self._put_off = 0
        self._told = known_at

    def may_be_forgotten(self, now: float) -> bool:
        """Say whether nothing would be lost by it: nothing was posted to it for long."""
        if self.busy or self.queue:
            return False
        return now > self._told + self._settings.least_outage

    @property
    def places(self) -> int:
        """How many posts may be on their way to it."""
        return 1 if self.failures else self._settings.at_once_each

    def may_start(self, now: float) -> bool:
        """Say whether its next letter may be posted now."""
        return bool(self.queue) and self.busy < self.places and now >= self.until

    def outage(self, now: float) -> float:
        """Return for how long it has taken nothing; 0 while it works."""
        return 0.0 if self.failing_since is None else now - self.failing_since

    def offer(self, letter: Letter, now: float, chance: float) -> float | None:
        """Hold a letter and return None, or return for how many seconds it has to be put off."""
        if now >= self.until and len(self.queue) < self._worth_holding():
            self.queue.append(letter)
            return None
        if self.usual is not None:
            self._put_off += 1
        turn = (len(self.queue) + self._put_off) * (self.usual or 0.0) / self._settings.at_once_each
        least = AFTER_REST if self.failures else AT_LEAST
        return max(self.until - now, 0.0) + max(min(turn, LONGEST_SPREAD), least) * (0.3 + 0.7 * chance)

    def answered(self, answer: Answer, started: float, now: float, chance: float) -> tuple[Letter, ...]:
        """Take note of an answer; return the letters that are not held any more, because the receiver rests."""
        self._told = now
        took = now - started
        self.usual = took if self.usual is None else _FORGET * self.usual + (1 - _FORGET) * took
        if answer.outcome in NOT_AT_FAULT:
            self._refusals = 0
            self._works()
            return ()
        if answer.outcome in OWN_FAULT:
            self._refusals += 1
            if self._refusals < IN_A_ROW:
                self._works()  # the refusal itself is an answer
                return ()
        self._failed(answer, started, now, chance)
        released = tuple(self.queue)
        self.queue.clear()
        return released

    def try_again(self) -> None:
        """End its rest and forget its failures: somebody says that it works."""
        self.failures = self._refusals = self._put_off = 0
        self.failing_since = None
        self.until = float("-inf")

    def _works(self) -> None:
        self.failures = 0
        self.failing_since = None
        # Whoever has nothing to do was expected to need longer than it did.
        self._put_off = max(self._put_off - 1, 0) if self.queue or self.busy else 0

    def _failed(self, answer: Answer, started: float, now: float, chance: float) -> None:
        if self.failing_since is None:
            self.failing_since = now
        if not self.failures or started >= self.until:
            self.failures += 1
        settings = self._settings
        pause = backoff(self.failures - 1, settings.first_pause, settings.longest_rest, chance)
        wanted = min(answer.retry_after or 0.0, settings.longest_wanted)
        self.until = max(self.until, now + max(pause, wanted))
        self._put_off = 0

    def _worth_holding(self) -> int:
        """Return how many letters it is likely to take soon; one that failed is tried with one."""
        if self.failures:
            return 1 - self.busy
        places = self._settings.at_once_each
        if self.usual is None:
            return 4 * places
        return max(min(int(SOON * places / max(self.usual, 0.001)), self._settings.held // 2), places)


class Receivers:
    """All receivers of whom something is known, and the order in which they get their turn."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[Key, Receiver] = {}
        self._waiting: dict[Key, Receiver] = {}
        """Those with letters that are held, the one whose turn is next first."""

    def offer(self, letter: Letter, now: float, chance: float) -> tuple[Receiver, float | None]:
        """Offer a letter to its receiver; return it, and for how many seconds the letter has to be put off, if so."""
        key = key_of(letter)
        receiver = self._known.get(key)
        if receiver is None:
            receiver = self._known[key] = Receiver(self._settings, now)
        wait = receiver.offer(letter, now, chance)
        if wait is None:
            self._waiting.setdefault(key, receiver)
        return receiver, wait

    def next(self, now: float) -> tuple[Receiver, Letter] | None:
        """Return the next letter that may be posted and its receiver, whose last turn was the longest ago."""
        for key, receiver in tuple(self._waiting.items()):
            if not receiver.queue:
                del self._waiting[key]
            elif receiver.may_start(now):
                self._waiting[key] = self._waiting.pop(key)
                return receiver, receiver.queue.popleft()
        return None

    def try_again(self, client: str) -> None:
        """End the rest of a client's receivers."""
        for (owner, _), receiver in self._known.items():
            if owner == client:
                receiver.try_again()

    def forget_idle(self, now: float) -> None:
        """Forget those of whom there is nothing to know."""
        for key in [key for key, one in self._known.items() if one.may_be_forgotten(now)]:
            del self._known[key]
