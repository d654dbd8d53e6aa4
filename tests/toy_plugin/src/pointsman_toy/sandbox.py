"""The provider's API on this machine, written from its document and not from the plugin beside it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from pointsman.message import Channel
from pointsman.sandbox import Call, Endpoint, Fate, OutOfMoney, Pair, Reply, Sandbox, SandboxMessage, Stage

PRICE = Decimal("0.02")
KEY = "toy-key-for-trials"
STATUS = {"bad_number": 400, "no_text": 400, "wrong_key": 401, "no_money": 402, "no_session": 401, "busy": 503}


class ToySandbox(Sandbox):
    """Serves both forms of the API: one message without a session, and batches with one."""

    name = "toy"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tokens: set[str] = set()
        self.letters: list[dict[str, str]] = []

    @property
    def environment(self) -> Mapping[str, str]:
        """The key of the only account."""
        return {"TOY_KEY": KEY}

    def endpoints(self) -> Iterable[Endpoint]:
        """List the API."""
        return (
            Endpoint("hello", ("POST",), ("/hello",), self._hello),
            Endpoint("session", ("POST",), ("/session",), self._session),
            Endpoint("messages", ("POST",), ("/messages",), self._messages),
            Endpoint("states", ("GET",), ("/states",), self._states),
            Endpoint("refs", ("GET",), ("/refs",), self._refs),
            Endpoint("balance", ("GET",), ("/balance",), self._balance),
            Endpoint("inbox", ("GET",), ("/inbox",), self._inbox),
            Endpoint("figures", ("GET",), ("/figures",), self._figures),
            Endpoint("prices", ("GET",), ("/prices",), self._prices),
        )

    def error_reply(self, call: Call, code: str, text: str) -> Reply:
        """Word an error."""
        del call
        return Reply.json({"error": code, "text": text or code}, STATUS.get(code, 500))

    def read_params(self, query: bytes, body: bytes, content_type: str) -> list[Pair]:
        """Bodies are JSON, which has no parameters."""
        del body
        return super().read_params(query, b"", content_type)

    def reset(self) -> None:
        """Forget everything, sessions included."""
        super().reset()
        self.tokens.clear()
        self.letters.clear()

    def receive(self, sender: str, text: str) -> None:
        """Let somebody send a message to us now."""
        letter = {"id": f"l{len(self.letters) + 1}", "from": sender, "to": "TOY", "text": text}
        self.letters.append({**letter, "at": _moment(self.clock.now()).isoformat()})

    async def _hello(self, call: Call) -> Reply:
        if call.headers.get("X-Key") != KEY:
            return self.error_reply(call, "wrong_key", "")
        taken = self._take(call, msgspec.json.decode(call.body))
        return self.error_reply(call, taken["error"], "") if "error" in taken else Reply.json(taken)

    async def _session(self, call: Call) -> Reply:
        if call.headers.get("X-Key") != KEY:
            return self.error_reply(call, "wrong_key", "")
        token = f"token-{call.number}"
        self.tokens.add(token)
        return Reply.json({"token": token, "seconds": 600})

    async def _messages(self, call: Call) -> Reply:
        if call.headers.get("X-Token") not in self.tokens:
            return self.error_reply(call, "no_session", "")
        return Reply.json({"items": [self._take(call, item) for item in msgspec.json.decode(call.body)["items"]]})

    async def _states(self, call: Call) -> Reply:
        ids = (call.params.first("ids") or "").split(",")
        return self._told(call, [one for one in map(self.ledger.message, ids) if one is not None])

    async def _refs(self, call: Call) -> Reply:
        refs = (call.params.first("refs") or "").split(",")
        return self._told(call, [one for one in self.ledger.messages if one.reference in refs])

    async def _balance(self, call: Call) -> Reply:
        if call.headers.get("X-Token") not in self.tokens:
            return self.error_reply(call, "no_session", "")
        return Reply.json({"amount": str(self.account.balance)})

    async def _inbox(self, call: Call) -> Reply:
        if call.headers.get("X-Token") not in self.tokens:
            return self.error_reply(call, "no_session", "")
        return Reply.json(
            {"letters": [one for one in self.letters if _within(call, datetime.fromisoformat(one["at"]))]}
        )

    async def _figures(self, call: Call) -> Reply:
        if call.headers.get("X-Token") not in self.tokens:
            return self.error_reply(call, "no_session", "")
        taken = [one for one in self.ledger.messages if _within(call, _moment(one.accepted_at))]
        delivered = sum(_state(one, call.at) == "delivered" for one in taken)
        return Reply.json({"sent": len(taken), "delivered": delivered})

    async def _prices(self, call: Call) -> Reply:
        if call.headers.get("X-Token") not in self.tokens:
            return self.error_reply(call, "no_session", "")
        return Reply.json({"prices": [{"country": "RU", "price": str(PRICE)}]})

    def _take(self, call: Call, item: dict[str, str]) -> dict[str, str]:
        if len(item["to"]) < 10:
            return {"error": "bad_number"}
        if not item["text"]:
            return {"error": "no_text"}
        try:
            message = self.accept(
                call,
                ids=(f"t{len(self.ledger.messages) + 1}",),
                channel=Channel.SMS,
                to=item["to"],
                text=item["text"],
                reference=item["ref"],
                price=PRICE,
            )
        except OutOfMoney:
            return {"error": "no_money"}
        return {"id": message.id, "price": str(PRICE)}

    def _told(self, call: Call, messages: list[SandboxMessage]) -> Reply:
        if call.headers.get("X-Token") not in self.tokens:
            return self.error_reply(call, "no_session", "")
        states = [{"id": one.id, "ref": one.reference, "to": one.to, "state": _state(one, call.at)} for one in messages]
        return Reply.json({"states": states})


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _within(call: Call, at: datetime) -> bool:
    start, end = (datetime.fromisoformat(call.params.first(name) or "") for name in ("from", "to"))
    return start <= at <= end


def _state(message: SandboxMessage, now: float) -> str:
    match message.stage(now):
        case Stage.QUEUED:
            return "waiting"
        case Stage.SENT:
            return "sent"
        case Stage.FINAL:
            return "delivered" if message.course.fate is Fate.DELIVERED else "failed"
