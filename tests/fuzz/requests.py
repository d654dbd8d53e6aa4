"""Requests of every kind of wrongness: from random bytes to almost valid ones. All chance comes from one generator."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from .likely import Fate, Likely
from .oddities import FIELDS, ODD_LIVES, ODD_TEXTS, ODD_TIMES, ODD_URLS, ODD_VALUES
from .wire import Request
from .world import ADMIN_KEY, KEY, PREFIX, TEXT, TOKEN

PATHS: Sequence[tuple[str, str]] = (
    ("POST", "/v1/messages"), ("GET", "/v1/messages"), ("GET", "/v1/messages/{word}"),
    ("DELETE", "/v1/messages/{word}"),
    ("POST", "/v1/messages/{word}/confirm"), ("POST", "/v1/lookups"), ("GET", "/v1/lookups/{word}"),
    ("POST", "/v1/explain"), ("GET", "/v1/inbox"), ("GET", "/v1/events"), ("GET", "/v1/providers"),
    ("POST", "/v1/providers/{word}/drain"), ("POST", "/v1/providers/{word}/resume"),
    ("POST", "/v1/providers/{word}/probe"), ("GET", "/v1/clients"), ("GET", "/v1/webhooks/dead"),
    ("POST", "/v1/webhooks/retry"), ("POST", "/-/reload"), ("GET", "/metrics"), ("GET", "/livez"), ("GET", "/readyz"),
    ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/docs/page.js"), ("GET", "/v1/callbacks/{word}/{word}"),
    ("POST", "/v1/callbacks/{word}/{word}"), ("GET", "/{word}"), ("GET", "/v1/../v1/messages"), ("GET", "/"),
)  # fmt: skip
METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"QUERY", b"PROPFIND")
TYPES = (
    b"application/json", b"application/json; charset=utf-8", b"application/json; charset=utf-16", b"text/plain", b"",
    b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"application/json; charset=x-none",
    b"multipart/form-data", b"a/b/c", b"application/JSON", b"\xff\xfe", b"application/problem+json",
)  # fmt: skip
_QUERY: Sequence[tuple[str, Sequence[str]]] = (
    ("reference", ("r1", "", "x" * 300)), ("limit", ("1", "0", "101", "-1", "x", "1e3", "٣", "9" * 30)),
    ("provider", ("devino", "affiliate_hlr", "nobody", "")), ("since", ODD_TIMES), ("until", ODD_TIMES),
    ("after", ("0", "-1", "9" * 19, "9" * 40, "x")), ("client", ("shop", "nobody")),
)  # fmt: skip

LIKELY = 0.6
"""The share of requests that are likely to be taken."""
Known = Callable[[], str]
"""Returns the id of a message that there is."""


class Maker:
    """Makes requests. State: its generator."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._likely = Likely(self.random)

    def request(self, ids: Sequence[str], fates: Sequence[Fate], *, is_admin: bool) -> Request:
        """Return the next request for one of the two listeners; `ids` are messages, `fates` what providers took."""

        def known() -> str:
            return self.random.choice(ids) if ids else "0" * 28

        if not is_admin and self.random.random() < LIKELY:
            return self._likely.request(ids, fates)
        draw = self.random.random()
        if draw < 0.02:
            return self._broken()
        if draw < 0.30 and not is_admin:
            return self._callback()
        method, path = self._place(known)
        body = b""
        if method == "POST" or self.random.random() < 0.05:
            body = self._body(path)
        if self.random.random() < 0.03:
            return self._finished(self.random.choice(METHODS), path, body, is_admin=is_admin)
        return self._finished(method.encode(), path, body, is_admin=is_admin)

    def number(self) -> str:
        """Return a recipient in one of its spellings."""
        tail = f"{self.random.randrange(10_000):04d}"
        shape = self.random.choice(
            ("7{}{}{}", "+7{}{}{}", "8{}{}{}", "+7 ({}) {}-{}", "{}{}{}", "000{}{}{}", "7{}{}{}1")
        )
        return shape.format(PREFIX[:3], PREFIX[3:], tail)

    def word(self) -> str:
        """Return something for a variable of a path or a value."""
        odd = self.random.choice(ODD_TEXTS)
        return self.random.choice(
            (odd, self.number(), TOKEN, KEY, TEXT, "devino", "affiliate_hlr", "smstele", "0" * 28, "%2e%2e", ";x=y")
        )

    def message(self) -> dict[str, Any]:
        """Return a message that is valid, more or less."""
        random = self.random
        body: dict[str, Any] = {
            "channel": random.choice(("sms", "sms", "viber", "hlr")),
            "to": f"7{PREFIX}{random.randrange(10_000):04d}",
        }
        if body["channel"] != "hlr":
            body["text"] = f"{TEXT} {random.randrange(1000)}"
        for field in FIELDS[4:]:
            if random.random() < 0.06:
                body[field] = self._plausible(field)
        return body

    def _plausible(self, field: str) -> Any:
        match field:
            case "class":
                return self.random.choice(("otp", "transactional", "marketing"))
            case "ttl":
                return self.random.choice(ODD_LIVES)
            case "send_at" | "send_at_local":
                return self.random.choice(ODD_TIMES)
            case "callback_url":
                return self.random.choice(ODD_URLS)
            case "tags":
                return ["x", "y"]
            case "fallback":
                return {"text": f"{TEXT} fallback", "ttl": self.random.choice(ODD_LIVES)}
            case "reference":
                return f"r{self.random.randrange(5)}"
            case _:
                return self.random.choice((True, False))

    def _mutated(self, value: Any, depth: int = 0) -> Any:
        """Return a value with something in it changed."""
        random = self.random
        if isinstance(value, dict) and value and random.random() < 0.9:
            changed = dict(value)
            name = random.choice(tuple(changed))
            match random.randrange(4):
                case 0:
                    del changed[name]
                case 1:
                    changed[self._name(name)] = changed.pop(name)
                case _:
                    changed[name] = self._mutated(changed[name], depth + 1)
            return changed
        if isinstance(value, list) and value and random.random() < 0.8:
            changed_list = list(value)
            place = random.randrange(len(changed_list))
            changed_list[place] = self._mutated(changed_list[place], depth + 1)
            return changed_list
        odd: tuple[Any, ...] = (
            random.choice(ODD_VALUES), random.choice(ODD_TEXTS), random.choice(ODD_TIMES), random.choice(ODD_LIVES),
            random.choice(ODD_URLS), self.number(), f"{TEXT}\x00{self.number()}", self.message(), [value], {"x": value},
        )  # fmt: skip
        return random.choice(odd)

    def _name(self, name: str) -> str:
        others = (
            name.upper(),
            name + " ",
            name[:-1],
            "__proto__",
            "\x00",
            "a.b",
            "[0]",
            "a`b",
            "x" * 500,
            "$",
            "é",
            "",
        )
        return self.random.choice(others)

    def _place(self, known: Known) -> tuple[str, str]:
        method, path = self.random.choice(PATHS[:9] if self.random.random() < 0.6 else PATHS)

        def fill(_: re.Match[str]) -> str:
            word = known() if self.random.random() < 0.5 else self.word()
            spelt = word[:3000].encode("utf-8", "surrogatepass")
            return quote(spelt, safe="") if self.random.random() < 0.97 else quote(spelt, safe="/%;?")

        path = re.sub(r"\{word\}", fill, path)
        if self.random.random() < 0.3 or path == "/v1/inbox":
            path += "?" + self._query()
        return method, path

    def _query(self) -> str:
        random = self.random
        if random.random() < 0.1:
            return quote(self.random.randbytes(random.randrange(40)), safe="=&%;+")
        chosen = random.sample(_QUERY, random.randrange(1, 5)) if random.random() < 0.6 else _QUERY[2:5]
        pairs = [(name, random.choice(values)) for name, values in chosen]
        if random.random() < 0.1:
            pairs.append((self._name("reference"), self.word()[:200]))
        return urlencode(
            [(one.encode("utf-8", "surrogatepass"), two.encode("utf-8", "surrogatepass")) for one, two in pairs]
        )

    def _body(self, path: str) -> bytes:
        random = self.random
        draw = random.random()
        if draw < 0.05:
            return random.randbytes(random.randrange(200))
        if draw < 0.08:
            opening = random.choice((b"[", b'{"to":', b'[{"tags":', b'{"fallback":'))
            return opening * random.choice((10, 100, 1000, 5000))
        if draw < 0.10:
            return (
                b"[" + b",".join([b'{"to":"7%s0000","text":"x"}' % PREFIX.encode()] * random.choice((1001, 2))) + b"]"
            )
        value: Any = self.message() if random.random() < 0.85 else [self.message() for _ in range(random.randrange(6))]
        if "lookups" in path:
            value = {"to": f"7{PREFIX}{random.randrange(10_000):04d}"}
        elif "/v1/messages" not in path and "explain" not in path:
            value = random.choice(
                ({}, {"reason": "x"}, {"seqs": [1, 2]}, {"client": "shop"}, {"seqs": [], "client": ""})
            )
        for _ in range(random.choice((0, 0, 1, 1, 2, 5))):
            value = self._mutated(value)
        return self._damaged(_spelt(value, is_ascii=random.random() < 0.5))

    def _damaged(self, body: bytes) -> bytes:
        random = self.random
        draw = random.random()
        if draw < 0.85 or not body:
            return body
        place = random.randrange(len(body))
        if draw < 0.88:
            return body[:place]
        if draw < 0.92:
            return body[:place] + random.randbytes(1) + body[place + 1 :]
        if draw < 0.95 and body.startswith(b"{"):
            return b'{"to":"7%s0001","to":5,' % PREFIX.encode() + body[1:]
        return random.choice((b"\xef\xbb\xbf", b" ", b"\xff", b"\x00", b"//x\n")) + body

    def _finished(
        self, method: bytes, path: str, body: bytes, *, is_admin: bool, media: bytes | None = None
    ) -> Request:
        random = self.random
        headers: list[tuple[bytes, bytes]] = [(b"Host", random.choice((b"127.0.0.1",) * 20 + (b"", b"evil.example")))]
        key = ADMIN_KEY if is_admin else KEY
        if random.random() < 0.95:
            headers.append((b"Authorization", b"Bearer " + key.encode()))
        elif random.random() < 0.5:
            odd = (
                b"Bearer",
                b"Bearer \xff\xfe",
                b"Basic eDp5",
                b"bearer " + key[:-1].encode(),
                b"Bearer " + b"x" * 5000,
            )
            headers.append((b"Authorization", random.choice(odd)))
        if body or random.random() < 0.1:
            kind = media if media is not None else TYPES[0] if random.random() < 0.92 else random.choice(TYPES)
            headers += [(b"Content-Type", kind), (b"Content-Length", b"%d" % len(body))]
        if random.random() < 0.15:
            headers.append((b"Idempotency-Key", self._idempotency()))
        if random.random() < 0.08:
            headers.append(random.choice(_MORE))
        return Request(method=method, target=path.encode(), headers=tuple(headers), body=body)

    def _idempotency(self) -> bytes:
        few = b"k%d" % self.random.randrange(20)
        return self.random.choice((few, few, few, b"", b" ", b"\xff", b"x" * 256, b"x" * 255, b"a b", "ключ".encode()))

    def _callback(self) -> Request:
        random = self.random
        fields: Any = {
            "id": random.choice(("0", f"{random.randrange(2000)}", "x" * 64, "a b", "", self.word()[:50])),
            "reference": random.choice(("", "r" * 32, self.word()[:60])),
            "status": random.choice(("sent", "active", "absent", "unknown", "failed", "Active", "?", "")),
            "msisdn": f"7{PREFIX}{random.randrange(10_000):04d}",
            "mccmnc": random.choice(("25001", "250 01", "x", "")),
            "ported": random.choice(("0", "1", "yes", "?")),
            "network": f"{TEXT}",
            "price": random.choice(("0.002", "1e9999", "-1", "NaN", "x")),
            "currency": "EUR",
            "updated_at": random.choice((*ODD_TIMES, "2026-12-01 09:00:00 0300")),
        }
        for _ in range(random.choice((0, 0, 1, 3))):
            fields = self._mutated(fields)
        provider = random.choice(("affiliate_hlr",) * 6 + ("devino", "smstele", "nobody"))
        token = random.choice(
            (TOKEN,) * 8 + (TOKEN[:-1], "x" * 300, quote(self.word()[:99].encode("utf-8", "replace")))
        )
        path = f"/v1/callbacks/{provider}/{token}"
        pairs = _pairs(fields)
        draw = random.random()
        if draw < 0.3:
            return self._finished(b"GET", f"{path}?{pairs}", b"", is_admin=False)
        if random.random() < 0.3:
            path += f"?our_ref={random.choice(('r' * 32, quote(self.number())))}"
        if draw < 0.6:
            return self._finished(b"POST", path, pairs.encode(), is_admin=False, media=TYPES[5])
        if draw < 0.9:
            whole = random.choice((fields, [fields] * 3, {"result": [fields]}, {"result": fields}))
            body = self._damaged(_spelt(whole, is_ascii=random.random() < 0.5))
            return self._finished(b"POST", path, body, is_admin=False, media=random.choice(TYPES))
        body = random.choice(
            (
                random.randbytes(300),
                b"[" * 50_000,
                b"x" * 66_000,
                b"a=" + b"%ff" * 500,
                b"&" * 5000,
                b"\x00",
                b"{}" * 99,
            )
        )
        return self._finished(b"POST", path, body, is_admin=False, media=random.choice(TYPES))

    def _broken(self) -> Request:
        random = self.random
        host, auth = (b"Host", b"x"), (b"Authorization", b"Bearer " + KEY.encode())
        text = b'{"to":"7%s0000","text":"%s"}' % (PREFIX.encode(), TEXT.encode())
        shapes = (
            Request(method=b"", target=b"", broken=True),
            Request(method=b"GET", target=b"/v1/messages\x00", headers=(host,), broken=True),
            Request(method=b"G\xffT", target=b"/", headers=(host,), broken=True),
            Request(method=b"GET", target=b"/" + b"x" * 70_000, headers=(host,), broken=True),
            Request(method=b"GET", target=b"http://[::1/v1", headers=(host,), broken=True),
            Request(method=b"GET", target=b"*", headers=(host,), broken=True),
            Request(method=b"CONNECT", target=b"x:1", headers=(host,), broken=True),
            Request(method=b"GET", target=b"/%zz/%", headers=(host,), broken=True),
            Request(method=b"GET", target=b"/v1/messages?\xff\xfe=\xff", headers=(host, auth), broken=True),
            Request(method=b"GET", target=b"/livez", headers=(host, (b"X" * 9000, b"y" * 9000)), broken=True),
            Request(method=b"GET", target=b"/livez", headers=((b" Bad Name", b"x"),), broken=True),
            Request(method=b"GET", target=b"/livez", headers=(host, *_MANY), broken=True),
            _framed((host, auth, (b"Content-Length", b"-5")), text),
            _framed((host, auth, (b"Content-Length", b"5"), (b"Content-Length", b"7")), text),
            _framed((host, auth, (b"Transfer-Encoding", b"chunked")), b"zz\r\n" + text),
            _framed((host, auth, (b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5")), b"0\r\n\r\n"),
            _framed((host, auth, (b"Transfer-Encoding", b"gzip")), text),
            _framed((host, auth, (b"Content-Encoding", b"gzip"), (b"Content-Length", b"%d" % len(text))), text),
            Request(method=b"POST", target=b"/v1/lookups", headers=(host, auth), body=b"\xff" * 50, broken=True),
            Request(method=random.randbytes(20), target=random.randbytes(30), body=random.randbytes(300), broken=True),
        )  # fmt: skip
        return random.choice(shapes)


_MANY = tuple((b"x%d" % number, b"y") for number in range(300))
_MORE: Sequence[tuple[bytes, bytes]] = (
    (b"X-Request-Id", b"\xff\xfe"), (b"X-Request-Id", b"x" * 65), (b"X-Request-Id", KEY.encode()),
    (b"Content-Encoding", b"gzip"), (b"Accept", b"text/nothing"), (b"Expect", b"100-continue"),
    (b"Expect", b"the-impossible"), (b"Last-Event-ID", b"9" * 30), (b"Last-Event-ID", b"x"), (b"Last-Event-ID", b"-1"),
    (b"X-Forwarded-For", b"\xff, 1.2.3.4"), (b"Cookie", b"a=b; \xff"), (b"Range", b"bytes=0-1"),
    (b"If-None-Match", b"*"), (b"Upgrade", b"h2c"), (b"Idempotency-Key", b"second"), (b"Sec-Fetch-Site", b"cross-site"),
)  # fmt: skip


def _framed(headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> Request:
    headers = (*headers, (b"Content-Type", b"application/json"))
    return Request(method=b"POST", target=b"/v1/messages", headers=headers, body=body, broken=True)


def _spelt(value: Any, *, is_ascii: bool) -> bytes:
    """Return JSON, or what is none: lone surrogates and numbers without end included."""
    return json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")


def _pairs(fields: Any) -> str:
    items: Mapping[Any, Any] = fields if isinstance(fields, dict) else {"x": fields}
    return urlencode([(_bytes(name), _bytes(value)) for name, value in items.items()])[:60_000]


def _bytes(value: Any) -> bytes:
    return str(value)[:2000].encode("utf-8", "surrogatepass") if not isinstance(value, int) else b"%d" % (value % 2**70)
