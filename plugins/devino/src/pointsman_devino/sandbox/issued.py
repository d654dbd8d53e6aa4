"""What the service gives out and has to know again: sessions and message ids."""

import string
from collections import deque
from random import Random

from pointsman_devino.sandbox.checks import ApiError

SESSION_SECONDS = 120 * 60


class Sessions:
    """Session ids: 36 characters, valid for 120 minutes after they were issued. Times are wall time in seconds."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._issued: dict[str, float] = {}

    def open(self, now: float) -> str:
        """Issue a session; earlier ones stay valid."""
        session = "".join(self._random.choices(string.ascii_uppercase + string.digits, k=36))
        self.admit(session, now)
        return session

    def admit(self, session: str, now: float) -> None:
        """Treat an id as issued now, such as one that an example of the document uses."""
        self._issued[session] = now

    def check(self, session: str, now: float) -> None:
        """Refuse an id that was never issued with code 3, one that has expired with code 4."""
        issued = self._issued.get(session)
        if issued is None:
            raise ApiError(3)
        if now - issued >= SESSION_SECONDS:
            raise ApiError(4, "SessionID expired")

    def expire(self) -> None:
        """Let every session expire now; the ids stay known."""
        self._issued = dict.fromkeys(self._issued, float("-inf"))

    def forget(self) -> None:
        """Forget every session; the ids are then invalid."""
        self._issued.clear()


class Ids:
    """Consecutive ids; others can be put in front of the line. `form` says how a number is written."""

    def __init__(self, first: int, form: str = "{}") -> None:
        self._next = first
        self._form = form
        self._planted: deque[str] = deque()

    def plant(self, *ids: str) -> None:
        """Give these out before any number."""
        self._planted.extend(ids)

    def take(self, count: int) -> tuple[str, ...]:
        """Give out ids."""
        return tuple(self._one() for _ in range(count))

    def _one(self) -> str:
        if self._planted:
            return self._planted.popleft()
        self._next += 1
        return self._form.format(self._next - 1)
