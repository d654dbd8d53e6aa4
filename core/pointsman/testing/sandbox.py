"""The server of the scripted provider: does what the script says, and remembers what really happened."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta, timezone
from decimal import Decimal

import msgspec

from pointsman.clock import Clock, as_utc
from pointsman.events import Operation
from pointsman.message import Channel
from pointsman.outcome import Fault
from pointsman.plugin import Incoming, PriceQuote
from pointsman.sandbox import (
    Call,
    DeliveryPlan,
    Endpoint,
    OutOfMoney,
    Pair,
    Reply,
    Sandbox,
    SandboxMessage,
)
from pointsman.testing.asked import Letter, counted, listed
from pointsman.testing.news import news_of
from pointsman.testing.steps import LATE, Step
from pointsman.testing.wire import SESSION_HEADER, Answer, Item, Question, Verdict


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """How messages to one number are refused."""

    fault: Fault = Fault.RECIPIENT
    certain: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request that arrived, in the words of the protocol."""

    operation: Operation
    refs: tuple[str, ...]
    """References of the messages in it, for a submit and a reconcile."""
    repeat: bool
    """It was a reconcile by repeating the submit, so it may have taken effect."""
    at: float
    """Wall time of the sandbox's clock."""


RECIPIENTS_CLOCK = timezone(timedelta(hours=3))
"""What the clocks of all recipients show, for `Item.send_at_local`."""


class ScriptedSandbox(Sandbox):
    """A provider on a free port of this machine, for tests of routers.

    Without a script it accepts everything. `script` puts steps in a row; each is used up by one request of its
    operation. `numbers` refuses messages by their recipient, whatever else is in the request. What was received and
    what really took effect can be asked afterwards.
    """

    name = "scripted"
    currency = "EUR"
    quirks = frozenset({LATE})

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        balance: Decimal = Decimal(1000),
        price: Decimal | None = None,
        delivery: DeliveryPlan | None = None,
    ) -> None:
        """`price` of one segment is charged and told; None charges nothing."""
        super().__init__(clock=clock, seed=seed, balance=balance, delivery=delivery)
        self.price = price
        self.numbers: dict[str, Refusal] = {}
        """Digits of a number to its refusal."""
        self.names_culprits = True
        """False: a request that holds a refused number is refused as a whole, without saying for which of them."""
        self.tells_balance = True
        self.networks: dict[str, str] = {}
        """Digits of a number to the MCC/MNC that a lookup of it finds."""
        self.letters: list[Letter] = []
        """The inbox; `receive` adds to it."""
        self.prices: tuple[PriceQuote, ...] = ()
        """The price list that it tells."""
        self.late_by = 3.0
        """Seconds of the sandbox's clock after which `take_late` takes effect."""
        self._late: set[asyncio.Task[None]] = set()
        self._sessions: set[str] = set()
        self._ids = 0

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing: the scripted provider needs no credentials."""
        return {}

    def endpoints(self) -> Iterable[Endpoint]:
        """One for each operation, named after it; a reconcile by repeating has a path of its own."""
        post = ("POST",)
        return (
            Endpoint(Operation.LOGIN, post, ("/login",), self._login),
            Endpoint(Operation.SUBMIT, post, ("/submit",), self._submit),
            Endpoint(Operation.RECONCILE, post, ("/repeat",), self._submit),
            Endpoint(Operation.RECONCILE, post, ("/reconcile",), self._reconcile),
            Endpoint(Operation.POLL, post, ("/poll",), self._poll),
            Endpoint(Operation.BALANCE, post, ("/balance",), self._balance),
            Endpoint(Operation.INBOX, post, ("/inbox",), self._inbox),
            Endpoint(Operation.STATISTICS, post, ("/statistics",), self._statistics),
            Endpoint(Operation.PRICES, post, ("/prices",), self._prices),
        )

    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Refuse with a fault's own name as the code."""
        del call
        return Reply.json(Answer(fault=Fault(code), detail=text))

    def read_params(self, query: bytes, body: bytes, content_type: str) -> list[Pair]:
        """The protocol has no parameters; its bodies are JSON."""
        del query, body, content_type
        return []

    def script(self, *steps: Step) -> None:
        """Add steps at the end of the script; those of one operation follow each other."""
        self.faults.add(*steps)

    def expire_sessions(self) -> None:
        """End all sessions."""
        self._sessions.clear()

    def receive(self, text: str, *, sender: str = "79160000000", to: str = "SHOP", late: float = 0.0) -> Incoming:
        """Let a message come in now, and list it `late` seconds from now; return it as it will be listed."""
        now = self.clock.now()
        message = Incoming(id=f"in{len(self.letters) + 1}", sender=sender, to=to, text=text, at=as_utc(now))
        self.letters.append(Letter(message, now + late))
        return message

    def reset(self) -> None:
        """Forget everything, as after construction."""
        super().reset()
        self.numbers.clear()
        self.networks.clear()
        self.letters.clear()
        self.prices = ()
        self.names_culprits = True
        self.tells_balance = True
        self.late_by = 3.0
        self._sessions.clear()
        self._drop_late()

    async def close(self) -> None:
        """Stop, and forget what was still to take effect."""
        self._drop_late()
        await super().close()

    # What happened

    @property
    def seen(self) -> tuple[Seen, ...]:
        """Every request, in order of arrival."""
        return tuple(
            Seen(
                operation=Operation(request.endpoint),
                refs=tuple(item.ref for item in msgspec.json.decode(request.body, type=Question).items),
                repeat=request.path == "/repeat",
                at=request.at,
            )
            for request in self.ledger.requests
        )

    @property
    def items(self) -> tuple[Item, ...]:
        """Every message of every submit, as it was asked for, in order of arrival."""
        submits = (request for request in self.ledger.requests if request.endpoint == Operation.SUBMIT)
        return tuple(item for request in submits for item in msgspec.json.decode(request.body, type=Question).items)

    def copies(self, ref: str) -> tuple[SandboxMessage, ...]:
        """Return what really took effect under references that begin like this, such as a message's id."""
        return tuple(
            message for message in self.ledger.messages if message.reference and message.reference.startswith(ref)
        )

    # The protocol

    async def _login(self, call: Call) -> Reply:
        token = f"session-{call.number}"
        self._sessions.add(token)
        return Reply.json(Answer(session=token))

    async def _submit(self, call: Call) -> Reply:
        if call.quirk == LATE:
            task = asyncio.create_task(self._take_late(call), name="late submit")
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return Reply(504, b"")
        return self._take(call)

    async def _take_late(self, call: Call) -> None:
        await self.clock.sleep(self.late_by)
        call.at = self.clock.now()
        self._take(call)

    def _drop_late(self) -> None:
        for task in self._late:
            task.cancel()

    def _take(self, call: Call) -> Reply:
        question = _question(call)
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        refusals = [self.numbers.get(item.to) for item in question.items]
        if not self.names_culprits and any(refusals):
            culprit = next(refusal for refusal in refusals if refusal is not None)
            return Reply.json(Answer(fault=culprit.fault, certain=culprit.certain, divisible=True))
        channel = question.channel or Channel.SMS
        verdicts = tuple(
            self._verdict(call, channel, item, once=question.once)
            if refusal is None
            else Verdict(fault=refusal.fault, certain=refusal.certain)
            for item, refusal in zip(question.items, refusals, strict=True)
        )
        return Reply.json(Answer(items=verdicts))

    def _verdict(self, call: Call, channel: Channel, item: Item, *, once: bool) -> Verdict:
        known = self._known(item.ref) if once else None
        if known is not None:
            return Verdict(id=known.id, duplicate=True)
        self._ids += 1
        price = None if self.price is None else self.price * item.segments
        due = _due(item)
        try:
            message = self.accept(
                call,
                ids=(f"m{self._ids}",),
                channel=channel,
                to=item.to,
                text=item.text,
                sender=item.sender or "",
                reference=item.ref,
                segments=item.segments,
                price=price or Decimal(0),
                due_at=due,
                expires_at=None if item.ttl is None else max(due, call.at) + item.ttl,
            )
        except OutOfMoney:
            return Verdict(fault=Fault.CREDITS)
        return Verdict(id=message.id, price=None if price is None else str(price))

    async def _reconcile(self, call: Call) -> Reply:
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        found = (self._known(item.ref) for item in _question(call).items)
        return Reply.json(Answer(items=tuple(Verdict(id=one.id) if one is not None else Verdict() for one in found)))

    async def _poll(self, call: Call) -> Reply:
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        question = _question(call)
        messages = [self.ledger.message(provider_id) for provider_id in question.ids]
        messages += [self._known(ref) for ref in question.refs]
        reports = (news_of(one, call.at, self.networks.get(one.to)) for one in messages if one is not None)
        return Reply.json(Answer(reports=tuple(reports)))

    async def _balance(self, call: Call) -> Reply:
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        return Reply.json(Answer(balance=str(self.account.balance) if self.tells_balance else None))

    async def _inbox(self, call: Call) -> Reply:
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        return Reply.json(Answer(inbox=listed(self.letters, _question(call), call.at)))

    async def _statistics(self, call: Call) -> Reply:
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        return Reply.json(Answer(statistics=counted(self.ledger.messages, _question(call), call.at)))

    async def _prices(self, call: Call) -> Reply:
        if self._expired(call):
            return Reply.json(Answer(expired=True))
        return Reply.json(Answer(prices=self.prices))

    def _known(self, ref: str) -> SandboxMessage | None:
        return next((message for message in self.ledger.messages if message.reference == ref), None)

    def _expired(self, call: Call) -> bool:
        token = call.headers.get(SESSION_HEADER)
        return token is not None and token not in self._sessions


def _question(call: Call) -> Question:
    return msgspec.json.decode(call.body, type=Question)


def _due(item: Item) -> float:
    """Return when a message may be sent: wall time, long ago for one that need not wait."""
    if item.send_at is not None:
        return item.send_at.timestamp()
    if item.send_at_local is not None:
        return item.send_at_local.replace(tzinfo=RECIPIENTS_CLOCK).timestamp()
    return 0.0
