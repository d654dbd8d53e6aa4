"""What every sandbox is: a provider's state, and the few things that only the provider's own sandbox can say."""

import abc
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from random import Random
from typing import ClassVar, Self

from pointsman.clock import Clock
from pointsman.message import Channel
from pointsman.sandbox.account import Account
from pointsman.sandbox.call import Call, Endpoint, Reply
from pointsman.sandbox.clock import ShiftedClock
from pointsman.sandbox.delivery import DeliveryPlan, Outcomes, draw_course
from pointsman.sandbox.faults import FaultScript
from pointsman.sandbox.ledger import Ledger, SandboxMessage
from pointsman.sandbox.params import Pair, read_form, read_multipart
from pointsman.sandbox.routes import Routes
from pointsman.sandbox.serving import Listener


class Sandbox(abc.ABC):
    """A local server that behaves as a provider's documented API does, faults included.

    Subclasses name themselves, list their endpoints and say how the provider words an error. State outlives `close`: a
    sandbox that is started again on the same port was only down for a while.
    """

    name: ClassVar[str]
    base_paths: ClassVar[tuple[str, ...]] = ("",)
    """Where the API lives; the first is the one that `base_url` shows."""
    currency: ClassVar[str] = "EUR"
    quirks: ClassVar[Collection[str]] = ()
    """The oddities that the handlers know by name; see `Action.QUIRK`."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        balance: Decimal = Decimal(1000),
        delivery: DeliveryPlan | None = None,
        light: bool = False,
    ) -> None:
        """`light` keeps counts instead of requests, for load tests."""
        self.clock = ShiftedClock() if clock is None else clock
        self.seed = seed
        self.random = Random(seed)
        self.faults = FaultScript(self.random, quirks=self.quirks)
        self.ledger = Ledger(light=light)
        self.account = Account(balance, self.currency, keep_history=not light)
        self.delivery = DeliveryPlan() if delivery is None else delivery
        self.outcomes = Outcomes()
        self._listener = Listener(self, Routes(self.base_paths, self.endpoints()))

    # What a provider's sandbox says about itself

    @property
    @abc.abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The credentials, obviously fake, by the names of environment variables."""

    @abc.abstractmethod
    def endpoints(self) -> Iterable[Endpoint]:
        """List the API. Called once, by the constructor of this class."""

    @abc.abstractmethod
    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Word an error as the provider does; an empty text means the provider's usual one."""

    def read_params(self, query: bytes, body: bytes, content_type: str) -> list[Pair]:
        """Decode query and body. Providers with charsets or JSON of their own replace this."""
        pairs = read_form(query) if query else []
        if not body:
            return pairs
        fields = read_multipart(body, content_type)
        return pairs + (read_form(body) if fields is None else fields)

    def unrouted(self, status: int) -> Reply:
        """Answer a path or method that the API does not have."""
        return Reply.text(f"<html><body><h1>{status}</h1></body></html>", status, "text/html; charset=utf-8")

    def control(self, method: str, path: str, body: bytes) -> Reply | None:
        """Answer a control call of the provider's own (path below the prefix); None when there is no such call."""
        del method, path, body
        return None

    def reset(self) -> None:
        """Go back to the state after construction; scripts, ledger, account and scripted outcomes are cleared."""
        self.random.seed(self.seed)
        self.faults.clear()
        self.ledger.clear()
        self.account.reset()
        self.outcomes.clear()

    # Life

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises `OSError` when the port is taken."""
        await self._listener.start(host, port)

    async def close(self) -> None:
        """Stop listening and drop every connection, those that hang included; does nothing when not running."""
        await self._listener.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port; kept after `close`."""
        return self._listener.origin

    @property
    def port(self) -> int:
        """The port it listens on; kept after `close`."""
        return int(self.origin.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        """What a client configures: origin and base path."""
        return self.origin + self.base_paths[0]

    def busy(self) -> bool:
        """Say whether a request is being served now, or hangs."""
        return self._listener.in_flight > 0

    # Help for handlers

    def accept(
        self,
        call: Call,
        *,
        ids: tuple[str, ...],
        channel: Channel,
        to: str,
        text: str = "",
        sender: str = "",
        reference: str | None = None,
        segments: int = 1,
        price: Decimal = Decimal(0),
        due_at: float | None = None,
        expires_at: float | None = None,
    ) -> SandboxMessage:
        """Take a message: charge it, decide its course and record it. Raises `OutOfMoney` before anything happens.

        `due_at` is a wished time of sending, `expires_at` the end of the message's validity; both in wall time.
        """
        self.account.spend(price, at=call.at, subject=ids[0])
        course = draw_course(
            self.delivery,
            self.outcomes.get(to),
            due_at=max(call.at, due_at or 0.0),
            expires_at=expires_at,
            lookup=channel is Channel.HLR,
            random=self.random,
        )
        message = SandboxMessage(
            ids=ids,
            channel=channel,
            to=to,
            text=text,
            sender=sender,
            reference=reference,
            segments=segments,
            price=price,
            accepted_at=call.at,
            course=course,
            request_number=call.number,
        )
        self.ledger.took(message)
        return message
