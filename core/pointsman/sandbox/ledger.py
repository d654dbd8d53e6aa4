"""What a sandbox received and accepted: the truth that tests compare a client's story with."""

from collections import Counter
from decimal import Decimal

import msgspec

from pointsman.message import Channel
from pointsman.sandbox.delivery import Course, Stage
from pointsman.sandbox.faults import FaultRule
from pointsman.sandbox.params import Pair

KEPT_WHEN_LIGHT = 10_000
"""Messages that a light ledger remembers, so that their states can still be asked for."""


class SandboxRequest(msgspec.Struct, kw_only=True):
    """One request as it arrived; `status` and `fault` are filled in while it is served."""

    number: int
    """From 1, in order of arrival."""
    endpoint: str
    """Empty when the path belongs to no endpoint."""
    method: str
    path: str
    """As written, without the query."""
    params: tuple[Pair, ...]
    headers: dict[str, str]
    """Only those that say something about the client: names in lower case."""
    body: str
    """Undecoded; wrong UTF-8 replaced."""
    at: float
    fault: FaultRule | None = None
    status: int | None = None
    """None until it is answered, and for ever when it never was."""


class SandboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted message or lookup for one recipient."""

    ids: tuple[str, ...]
    """What the client was told; one per segment where the provider gives so many."""
    channel: Channel
    to: str
    """Digits, as the provider reads the number."""
    text: str = ""
    sender: str = ""
    reference: str | None = None
    """The client's own name for it, where the protocol has one."""
    segments: int = 1
    price: Decimal = Decimal(0)
    """For all its segments together."""
    accepted_at: float
    course: Course
    request_number: int

    @property
    def id(self) -> str:
        """The first of its ids."""
        return self.ids[0]

    def stage(self, now: float) -> Stage:
        """Say how far it has come at this wall time."""
        return self.course.stage(now)


class Ledger:
    """Requests and messages in order of arrival.

    A light ledger keeps counts and the last messages only, so that a load test does not fill the memory.
    """

    def __init__(self, *, light: bool = False) -> None:
        self.light = light
        self.requests: list[SandboxRequest] = []
        self.arrivals = 0
        """Requests of all kinds."""
        self.calls: Counter[str] = Counter()
        """Requests by endpoint."""
        self.accepted: Counter[Channel] = Counter()
        """Messages by channel."""
        self._messages: dict[int, SandboxMessage] = {}
        self._by_id: dict[str, SandboxMessage] = {}
        self._taken = 0

    @property
    def messages(self) -> list[SandboxMessage]:
        """Accepted messages, oldest first; of a light ledger the last ones."""
        return list(self._messages.values())

    def arrived(self, request: SandboxRequest) -> None:
        """Record a request."""
        self.arrivals += 1
        self.calls[request.endpoint] += 1
        if not self.light:
            self.requests.append(request)

    def took(self, message: SandboxMessage) -> None:
        """Record an accepted message."""
        self._taken += 1
        self.accepted[message.channel] += 1
        self._messages[self._taken] = message
        self._by_id.update(dict.fromkeys(message.ids, message))
        if self.light and len(self._messages) > KEPT_WHEN_LIGHT:
            oldest = self._messages.pop(next(iter(self._messages)))
            for provider_id in oldest.ids:
                self._by_id.pop(provider_id, None)

    def message(self, provider_id: str) -> SandboxMessage | None:
        """Find a message by any of its ids."""
        return self._by_id.get(provider_id)

    def duplicates(self) -> list[SandboxMessage]:
        """Return every message that repeats an earlier one: same channel, number and text, or same reference."""
        seen: set[tuple[str, ...]] = set()
        repeated = []
        for message in self._messages.values():
            keys = {("text", message.channel, message.to, message.text)}
            if message.reference is not None:
                keys.add(("reference", message.channel, message.to, message.reference))
            if not seen.isdisjoint(keys):
                repeated.append(message)
            seen |= keys
        return repeated

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.arrivals = 0
        self.calls.clear()
        self.accepted.clear()
        self._messages.clear()
        self._by_id.clear()
        self._taken = 0
