"""The sandbox itself: one account, two calls, and what the provider remembers of them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import ClassVar

import msgspec

from pointsman.clock import Clock
from pointsman.message import Channel
from pointsman.sandbox import Call, DeliveryPlan, Endpoint, Pair, Reply, Sandbox, SandboxMessage
from pointsman_smstele.sandbox.documents import (
    ErrorAnswer,
    Quirk,
    SentAnswer,
    SentRow,
    StatusAnswer,
    render,
    status_row,
)
from pointsman_smstele.sandbox.numbers import NUMBER_PLAN, Operator, is_russian, operator_of
from pointsman_smstele.sandbox.order import Order, check_credentials, decode, read_order, read_question
from pointsman_smstele.sandbox.prices import PRICES, Limits, PriceList
from pointsman_smstele.sandbox.refusals import Refusal, Rejected
from pointsman_smstele.sandbox.segments import count_segments, transliterated

LOGIN = "test:http"
PASSWORD = "~test123"  # noqa: S105 - the document's own example, good for this server only
DEFAULT_SENDER = "REX400.RU"


class SmsteleSandbox(Sandbox):
    """SMStele as its document describes it: `sendsms` and `status` below `/cgi-bin` and `/cgibin`, GET and POST.

    A Russian number that the plan does not list is answered like the "bad" ones of the document's example: listed with
    an empty operator, not counted, not charged, not sent, unknown to `status`. Numbers abroad have no operator either
    but are sent. `standing` quirks hold for every request and may be changed while it runs, also by
    `POST /_sandbox/standing` with a JSON array of names; `stats` likewise by `POST /_sandbox/stats`.
    """

    name: ClassVar[str] = "smstele"
    base_paths: ClassVar[tuple[str, ...]] = ("/cgi-bin", "/cgibin")
    currency: ClassVar[str] = "RUB"
    quirks: ClassVar[Collection[str]] = tuple(Quirk)

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        balance: Decimal = Decimal(1000),
        delivery: DeliveryPlan | None = None,
        light: bool = False,
        senders: Iterable[str] = (DEFAULT_SENDER, "SHOP"),
        standing: Iterable[Quirk] = (),
        plan: Mapping[str, Operator] = NUMBER_PLAN,
        prices: Mapping[str, Decimal] = PRICES,
        lookup_price: Decimal = Decimal("0.30"),
        viber_price: Decimal = Decimal("1.50"),
        limits: Limits | None = None,
    ) -> None:
        super().__init__(clock=clock, seed=seed, balance=balance, delivery=delivery, light=light)
        self.senders = frozenset(senders)
        self._first_standing = frozenset(standing)
        self.standing = set(self._first_standing)
        self.plan = plan
        self.prices = PriceList(segments=prices, lookup=lookup_price, viber=viber_price)
        self.limits = Limits() if limits is None else limits
        self.stats: dict[str, str] = {}
        """By number, what `stat` says for ever instead of what becomes of the message."""
        self.late_by = 5.0
        """Seconds of the sandbox's clock after which a request under the quirk `late` takes effect."""
        self.flashes: list[SandboxMessage] = []
        """The messages that were to be shown at once; none are kept when `light`."""
        self._late: set[asyncio.Task[None]] = set()
        self._by_id: dict[str, list[SandboxMessage]] = {}
        self._by_phone: dict[str, list[SandboxMessage]] = {}
        self._orders = 0

    @property
    def environment(self) -> Mapping[str, str]:
        """The login and password of the document's examples."""
        return {"SMSTELE_LOGIN": LOGIN, "SMSTELE_PASSWORD": PASSWORD}

    def endpoints(self) -> Iterable[Endpoint]:
        """List the two calls."""
        return (
            Endpoint("sendsms", ("GET", "POST"), ("/sendsms",), self._sendsms),
            Endpoint("status", ("GET", "POST"), ("/status",), self._status),
        )

    def read_params(self, query: bytes, body: bytes, content_type: str) -> list[Pair]:
        """Merge query and body, decoded in the declared charset."""
        del content_type
        return decode(query, body)

    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Refuse with a code of the table, or any other; without a text the one that the table's meaning suggests."""
        return self._refuse(call, code, text or Refusal.usual_text(code))

    def control(self, method: str, path: str, body: bytes) -> Reply | None:
        """Replace the standing quirks, or add to what `stat` says."""
        match method, path:
            case "POST", "standing":
                self.standing = msgspec.json.decode(body, type=set[Quirk])
                return Reply.json(sorted(self.standing))
            case "POST", "stats":
                self.stats.update(msgspec.json.decode(body, type=dict[str, str]))
                return Reply.json(self.stats)
            case _:
                return None

    def reset(self) -> None:
        """Forget the messages too."""
        super().reset()
        self.standing = set(self._first_standing)
        self.stats.clear()
        self.late_by = 5.0
        self.flashes.clear()
        self._drop_late()
        self._by_id.clear()
        self._by_phone.clear()
        self._orders = 0

    async def close(self) -> None:
        """Stop, and forget what was still to take effect."""
        self._drop_late()
        await super().close()

    # The two calls

    async def _sendsms(self, call: Call) -> Reply:
        if self._has(call, Quirk.LATE):
            task = asyncio.create_task(self._send_late(call), name="late sendsms")
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return Reply.text("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504, "text/html")
        return self._send(call)

    async def _send_late(self, call: Call) -> None:
        await self.clock.sleep(self.late_by)
        call.at = self.clock.now()
        self._send(call)

    def _drop_late(self) -> None:
        for task in self._late:
            task.cancel()

    def _send(self, call: Call) -> Reply:
        try:
            check_credentials(call.params, LOGIN, PASSWORD)
            order = read_order(call.params, longest_id=self.limits.id, senders=self.senders)
            answer = self._take(call, order)
        except Rejected as rejected:
            return self._rejected(call, rejected)
        return render(answer, as_document=self._has(call, Quirk.DOCUMENT))

    async def _status(self, call: Call) -> Reply:
        try:
            check_credentials(call.params, LOGIN, PASSWORD)
            question = read_question(call.params)
        except Rejected as rejected:
            return self._rejected(call, rejected)
        if question.id:
            found = [each for each in self._by_id.get(question.id, []) if question.phone in (None, "", each.to)]
        else:
            found = self._by_phone.get(question.phone or "", [])
        rows = tuple(
            status_row(each, operator_of(each.to, self.plan), call.at, self.stats.get(each.to)) for each in found
        )
        return render(StatusAnswer(rows), as_document=self._has(call, Quirk.DOCUMENT))

    def _take(self, call: Call, order: Order) -> SentAnswer:
        """Send what can be sent. Raises `Rejected`, before anything happens, when text or money do not allow it."""
        text = transliterated(order.text) if order.translit else order.text
        segments = self._segments(order.channel, text)
        good = [phone for phone in order.phones if self._is_served(call, phone)]
        prices = {
            phone: self.prices.price(order.channel, operator_of(phone, self.plan).name, segments) for phone in good
        }
        if not self.account.covers(sum((prices[phone] for phone in good), Decimal(0))):
            raise Rejected(Refusal.NOT_ENOUGH_CREDITS)
        begins_at = max(call.at, order.due_at or 0.0)
        self._orders += 1
        message_id = order.id if order.id is not None else f"{1_000_000 + self._orders}"
        for phone in good:
            message = self.accept(
                call,
                ids=(message_id,),
                channel=order.channel,
                to=phone,
                text=text,
                sender=order.sender or DEFAULT_SENDER,
                reference=order.id,
                segments=segments,
                price=prices[phone],
                due_at=begins_at,
                expires_at=None if order.viber_life is None else begins_at + order.viber_life,
            )
            self._by_id.setdefault(message_id, []).append(message)
            self._by_phone.setdefault(phone, []).append(message)
            if order.flash and not self.ledger.light:
                self.flashes.append(message)
        each = segments if self._has(call, Quirk.COUNT_SEGMENTS) else 1
        return SentAnswer(
            id=message_id,
            cnt=str(len(good) * each),
            messages=tuple(self._row(message_id, phone, segments) for phone in order.phones),
        )

    def _row(self, message_id: str, phone: str, segments: int) -> SentRow:
        operator = operator_of(phone, self.plan)
        return SentRow(
            id=message_id,
            phone=phone,
            cnt=str(segments),
            operator=operator.name,
            region=operator.region,
            mnc=operator.mnc,
        )

    def _segments(self, channel: Channel, text: str) -> int:
        if len(text) > self.limits.text:
            raise Rejected(Refusal.TEXT_TOO_LONG)
        segments = count_segments(text) if channel is Channel.SMS else 1
        if segments > self.limits.segments:
            raise Rejected(Refusal.TOO_MANY_SEGMENTS)
        return segments

    def _is_served(self, call: Call, phone: str) -> bool:
        known = operator_of(phone, self.plan).name != "" or not is_russian(phone)
        return known or self._has(call, Quirk.ACCEPT_UNKNOWN)

    # Wording

    def _has(self, call: Call, quirk: Quirk) -> bool:
        return quirk in self.standing or call.quirk == quirk

    def _rejected(self, call: Call, rejected: Rejected) -> Reply:
        code = rejected.refusal.code(as_in_table=self._has(call, Quirk.TABLE_NUMBERS))
        return self._refuse(call, code, rejected.text)

    def _refuse(self, call: Call, code: str, text: str) -> Reply:
        answer = ErrorAnswer(code, "" if self._has(call, Quirk.NO_DESCRIPTION) else text)
        status = 400 if self._has(call, Quirk.HTTP_ERRORS) else 200
        return render(answer, as_document=self._has(call, Quirk.DOCUMENT), status=status)
