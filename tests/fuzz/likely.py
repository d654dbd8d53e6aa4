"""Requests that are valid but for one thing or a few, so that most of them are taken and what lies deeper is reached.

The parts of a request are made valid; then up to three of them are exchanged for others, of which some are odd.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec

from .oddities import FIELDS, ODD_LIVES, ODD_TEXTS, ODD_TIMES, ODD_URLS, ODD_VALUES
from .wire import Request
from .world import KEY, PATH, PREFIX, TEXT, TOKEN

JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
TEXTS: Sequence[str] = (
    "", " code 1234", " Ваш код 1234", " €[]{}~", "\n\n", " \U0001f600", " x" * 150, " ы" * 200, " é" * 300, "\u202e",
    "\x00",
)  # fmt: skip
LIVES: Sequence[Any] = ("5m", "PT5M", 90, "1h30m", "P1D", 60.5)
FAULTS = ("recipient", "content", "limit")
"""Not `sender`: that keeps the provider from being used for a day, and the rest of the run would not get there."""
PRICES = ("0.01", "0", "-1", "1.5", "NaN", "x")
"""Nothing that would empty the account: the rest of the run would not get there either."""
NETWORKS = ("25001", "25002", "25099", "25020", "40101", "250 01", "")


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that a provider took: what it may call back about."""

    message_id: str
    provider: str
    provider_id: str
    ref: str
    to: str


class Likely:
    """Makes requests that are likely to be taken. State: its generator, and the last request that was new."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._last: Request | None = None
        self._made = 0

    def request(self, ids: Sequence[str], fates: Sequence[Fate]) -> Request:
        """Return a request of a client, or a provider's callback about something that it took."""
        draw = self.random.random()
        if draw < 0.04 and self._last is not None:
            return self._last
        if draw < 0.28 and fates:
            return self._callback(self.random.choice(fates))
        if draw < 0.43 and ids:
            return self._about(self.random.choice((self.random.choice(ids), ids[-1])))
        made = self._last = self._order()
        return made

    # -- orders --------------------------------------------------------------------------------------------------------

    def _order(self) -> Request:
        random = self.random
        draw = random.random()
        if draw < 0.15:
            value: Any = self._changed(self._message("hlr"), drop=("channel",))
            return self._posted("/v1/lookups", value)
        if draw < 0.20:
            return self._posted("/v1/explain", self._changed(self._message()))
        if draw < 0.40:
            several = [self._message() for _ in range(random.choice((1, 2, 2, 3, 5, 20)))]
            place = random.randrange(len(several))
            several[place] = self._changed(several[place])
            return self._posted("/v1/messages", several)
        return self._posted("/v1/messages", self._changed(self._message()))

    def _message(self, channel: str = "") -> dict[str, Any]:
        random = self.random
        channel = channel or random.choice(("sms", "sms", "sms", "viber", "viber", "hlr"))
        body: dict[str, Any] = {"channel": channel, "to": self._number()}
        if channel != "hlr":
            body["text"] = f"{TEXT}{random.choice(TEXTS[:8])}"
        if channel == "sms" and random.random() < 0.1:
            del body["channel"]
        for field in FIELDS[3:]:
            if random.random() < 0.08 and _fits(field, channel):
                body[field] = self._valid(field)
        if "send_at" in body and "send_at_local" in body:
            del body["send_at"]
        return body

    def _number(self) -> str:
        tail = f"{self.random.randrange(10_000):04d}"
        return self.random.choice((f"7{PREFIX}{tail}", f"+7{PREFIX}{tail}", f"8{PREFIX}{tail}"))

    def _valid(self, field: str) -> Any:
        random = self.random
        match field:
            case "sender":
                return "SHOP"
            case "class":
                return random.choice(("otp", "transactional", "marketing"))
            case "ttl":
                return random.choice(LIVES)
            case "send_at":
                return self._soon().isoformat()
            case "send_at_local":
                return (self._soon() + timedelta(hours=9)).replace(tzinfo=None).isoformat()
            case "callback_url":
                return f"https://hooks.invalid/{PATH}"
            case "tags":
                return ["x", TEXT]
            case "fallback":
                return {
                    "text": f"{TEXT} in its place",
                    "on": random.choice((["failed"], ["failed", "silent"])),
                    **random.choice(({}, {"ttl": "5m"}, {"sender": "SHOP"}, {"transliterate": True})),
                }
            case "reference":
                return f"r{random.randrange(50)}"
            case _:
                return random.choice((True, False))

    def _soon(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.random.choice((1, 2, 5, 60, 3600, 86_400)))

    def _changed(self, body: dict[str, Any], drop: Sequence[str] = ()) -> dict[str, Any]:
        """Return a body with up to three fields exchanged for others."""
        random = self.random
        body = {name: value for name, value in body.items() if name not in drop}
        channel = str(body.get("channel", "hlr" if "channel" in drop else "sms"))
        for _ in range(random.choice((0, 0, 0, 1, 1, 1, 2, 3))):
            field = random.choice((*body, *FIELDS))
            if field in {"channel", "to"} and random.random() < 0.8:
                continue
            if field == "text":
                body[field] = f"{TEXT}{random.choice(TEXTS)}"
            elif _fits(field, channel) and field not in {"channel", "to"} and random.random() < 0.6:
                body[field] = self._valid(field)
            else:
                body[field] = self._odd(field)
        return body

    def _odd(self, field: str) -> Any:
        random = self.random
        match field:
            case "ttl":
                return random.choice(ODD_LIVES)
            case "send_at" | "send_at_local":
                return random.choice(ODD_TIMES)
            case "callback_url":
                return random.choice(ODD_URLS)
            case "fallback":
                odd = random.choice((*ODD_VALUES, *ODD_LIVES))
                return {"text": f"{TEXT} in its place", random.choice(("on", "by", "ttl", "sender", "x")): odd}
            case _:
                return random.choice((random.choice(ODD_VALUES), random.choice(ODD_TEXTS)))

    # -- what there is already -----------------------------------------------------------------------------------------

    def _about(self, message_id: str) -> Request:
        random = self.random
        draw = random.random()
        if draw < 0.35:
            return _finished(b"GET", f"/v1/messages/{message_id}")
        if draw < 0.60:
            return _finished(b"DELETE", f"/v1/messages/{message_id}")
        if draw < 0.80:
            return _finished(b"POST", f"/v1/messages/{message_id}/confirm", random.choice((b"", b"{}")))
        return _finished(b"GET", f"/v1/messages?reference=r{random.randrange(50)}&limit={random.randrange(1, 20)}")

    # -- callbacks -----------------------------------------------------------------------------------------------------

    def _callback(self, fate: Fate) -> Request:
        path = f"/v1/callbacks/{fate.provider}/{TOKEN}"
        if fate.provider == "affiliate_hlr":
            return self._affiliate(path, fate)
        several = [self._news(fate) for _ in range(self.random.choice((1, 1, 1, 2, 5)))]
        return _finished(b"POST", path, _spelt({"reports": several}))

    def _news(self, fate: Fate) -> dict[str, Any]:
        random = self.random
        news: dict[str, Any] = {
            "id": fate.provider_id,
            "state": random.choice(("queued", "sent", "delivered", "undeliverable", "expired", "rejected", "unknown")),
            "final": random.random() < 0.7,
        }
        more = {
            "read": True, "ref": fate.ref, "price": random.choice(PRICES), "mccmnc": "25001",
            "fault": random.choice(FAULTS), "lookup": "reachable",
        }  # fmt: skip
        for name in random.sample(tuple(more), random.choice((0, 0, 1, 2))):
            news[name] = more[name]
        if random.random() < 0.15:
            news[random.choice(tuple(news))] = random.choice((*ODD_VALUES, *ODD_TEXTS))
        return news

    def _affiliate(self, path: str, fate: Fate) -> Request:
        random = self.random
        fields: dict[str, Any] = {
            "id": fate.provider_id,
            "reference": fate.ref,
            "status": random.choice(("sent", "active", "absent", "unknown", "failed")),
            "msisdn": fate.to.lstrip("+"),
            "mccmnc": random.choice(NETWORKS),
            "ported": random.choice(("0", "1")),
            "price": "0.002",
            "currency": "EUR",
        }
        for name in random.sample(tuple(fields), random.choice((0, 0, 0, 1, 2, 3))):
            if random.random() < 0.5:
                del fields[name]
            else:
                fields[name] = random.choice((*ODD_VALUES[:14], *ODD_TEXTS[:24]))
        if random.random() < 0.3:
            path += f"?our_ref={fate.ref}"
        pairs = urlencode([(name, f"{value!s:.200}".encode("utf-8", "replace")) for name, value in fields.items()])
        draw = random.random()
        if draw < 0.2:
            return _finished(b"GET", f"{path}{'&' if '?' in path else '?'}{pairs}")
        if draw < 0.5:
            return _finished(b"POST", path, pairs.encode(), FORM)
        return _finished(b"POST", path, _spelt(random.choice((fields, [fields] * 2, {"result": [fields]}))))

    def _posted(self, path: str, value: Any) -> Request:
        random = self.random
        headers: list[tuple[bytes, bytes]] = []
        if random.random() < 0.2:
            self._made += 1
            fresh = b"u%d-%d" % (self._made, random.randrange(2**40))
            headers.append((b"Idempotency-Key", fresh if random.random() < 0.9 else b"k%d" % random.randrange(20)))
        return _finished(b"POST", path, _spelt(value), more=headers)


def _fits(field: str, channel: str) -> bool:
    """Say whether messages of a channel have a field."""
    match field:
        case "fallback":
            return channel == "viber"
        case "flash" | "transliterate":
            return channel == "sms"
        case "sender" | "send_at" | "send_at_local":
            return channel != "hlr"
        case _:
            return True


def _spelt(value: Any) -> bytes:
    return json.dumps(value).encode()


def _finished(
    method: bytes, path: str, body: bytes = b"", media: bytes = JSON, more: Sequence[tuple[bytes, bytes]] = ()
) -> Request:
    headers = [(b"Host", b"127.0.0.1"), (b"Authorization", b"Bearer " + KEY.encode()), *more]
    if body:
        headers += [(b"Content-Type", media), (b"Content-Length", b"%d" % len(body))]
    elif method == b"POST":
        headers.append((b"Content-Length", b"0"))
    return Request(method=method, target=path.encode(), headers=tuple(headers), body=body)
