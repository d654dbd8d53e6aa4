"""HTTP itself: what is answered to whatever else may come in, and what the log says of it."""

import asyncio
import io
import json
import random

import pytest

from pointsman.daemon.table import ENDPOINTS

from .rig import CANARY, NUMBER, TOKEN, Rig, serving, sms, until


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/", 404, "not-found"),
        ("GET", "/v1/messages/", 404, "not-found"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("PUT", "/v1/messages", 405, "method-not-allowed"),
        ("HEAD", "/v1/events", 405, "method-not-allowed"),
        ("GET", "/metrics", 404, "not-found"),
        ("POST", "/-/reload", 404, "not-found"),
    ],
)
async def test_what_is_not_there_is_a_problem_document(rig: Rig, method: str, path: str, status: int, kind: str):
    """Paths and methods that there are not are told as RFC 9457 says; management is not on the public listener."""
    said = await rig.ask(method, path)

    assert said.status == status
    assert said.headers["Content-Type"] == "application/problem+json"
    if method != "HEAD":
        assert (said.kind, said.json["status"]) == (kind, status)


async def test_a_wrong_method_is_told_the_right_ones(rig: Rig):
    """405 and OPTIONS name the methods that there are."""
    wrong = await rig.ask("PUT", "/v1/messages")
    asked = await rig.ask("OPTIONS", "/v1/messages", client=None)

    assert (asked.status, asked.body) == (204, b"")
    assert wrong.headers["Allow"] == asked.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert not [name for name in asked.headers if name.lower().startswith("access-control")]


async def test_head_is_get_without_a_body(rig: Rig):
    """HEAD is answered with the headers of GET."""
    got, asked = await rig.get("/livez"), await rig.ask("HEAD", "/livez")

    assert (asked.status, asked.body) == (200, b"")
    assert asked.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        ({"Content-Type": ""}, 415, "unsupported-media-type"),
        ({"Content-Type": "application/json; charset=utf-16"}, 415, "unsupported-media-type"),
        ({"Content-Encoding": "gzip"}, 415, "unsupported-media-type"),
        ({"Content-Type": "application/json; charset=UTF-8"}, 202, ""),
    ],
)
async def test_bodies_are_json(rig: Rig, headers: dict[str, str], status: int, kind: str):
    """A body that does not say that it is JSON, or is packed, is refused unread."""
    said = await rig.post("/v1/messages", sms(), headers=headers)

    assert said.status == status
    assert not kind or said.kind == kind


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 50_000, b'{"a":NaN}', b'{"to":"\xed\xa0\x80"}']
)
async def test_what_is_no_json_is_malformed(rig: Rig, body: bytes):
    """What cannot be read is 400, and the answer says what is wrong in one sentence."""
    said = await rig.post("/v1/messages", body)

    assert (said.status, said.kind) == (400, "malformed")
    assert len(said.json["detail"]) < 200


async def test_large_bodies_are_not_read(rig: Rig):
    """A body above the limit is refused, whether it says its size or not."""
    large = io.BytesIO(b" " * 1_048_577)

    async def chunks():
        for _ in range(20):
            yield b" " * 65_536

    headers = {**rig.bearer("shop"), "Content-Type": "application/json"}
    for body in (large, chunks()):
        async with rig.session.post(f"{rig.url}/v1/messages", data=body, headers=headers) as response:
            assert response.status == 413
            assert (await response.json(content_type=None))["type"].endswith(":too-large")


async def talk(rig: Rig, request: bytes, patience: float = 5.0) -> bytes:
    """Write raw bytes to the server; return what it answers until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.service.public.address.port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), patience)
    finally:
        writer.close()


def slow_request(rig: Rig) -> bytes:
    """Return the beginning of a request of which the rest never comes."""
    key = rig.bearer("shop")["Authorization"]
    head = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode()


async def test_slow_bodies_are_cut_off(rig: Rig):
    """A body that does not arrive within `body_timeout` is refused, and the connection closed."""
    answer = await talk(rig, slow_request(rig))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"problem:too-slow" in answer


async def test_who_leaves_in_the_middle_is_no_fault_of_ours(rig: Rig):
    """A client that hangs up before its body is complete leaves no error in the log, and no place taken."""
    _, writer = await asyncio.open_connection("127.0.0.1", rig.service.public.address.port)
    writer.write(slow_request(rig))
    await until(lambda: rig.service.house.gate.inside == 1)
    writer.close()

    await until(lambda: rig.service.house.gate.inside == 0)
    assert rig.lines.of("http.failed") == []


@pytest.mark.parametrize(
    "request_line", [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_http_is_refused(rig: Rig, request_line: bytes):
    """Nonsense on the socket is answered with 400, and no traceback is written."""
    assert b" 400 " in (await talk(rig, request_line)).splitlines()[0]
    assert "Traceback" not in rig.lines.text


async def test_requests_have_an_id(rig: Rig):
    """A caller's id is kept if it is fit for a log; otherwise the request gets one. Problems tell it as well."""
    kept = await rig.get("/v1/nothing", headers={"X-Request-Id": "abc-1"})
    made = await rig.get("/livez", headers={"X-Request-Id": "two words"})

    assert kept.headers["X-Request-Id"] == kept.json["request_id"] == "abc-1"
    assert len(made.headers["X-Request-Id"]) == 16


async def test_the_log_names_routes_and_clients_only(rig: Rig):
    """Each request is one line with the template of its path: no number, no text, no key and no token stands in it."""
    await rig.post("/v1/messages", sms(text="a very private text", reference="ref-1"))
    await rig.get(f"/v1/lookups/{NUMBER}")
    await rig.post(f"/v1/callbacks/a/{TOKEN}", b"[]")
    await rig.get(f"/v1/messages?reference={NUMBER}")

    assert [
        (line["method"], line["route"], line["status"], line.get("client")) for line in rig.lines.of("http.request")
    ] == [
        ("POST", "/v1/messages", 202, "shop"),
        ("GET", "/v1/lookups/{msisdn}", 404, "shop"),
        ("POST", "/v1/callbacks/{provider}/{token}", 200, None),
        ("GET", "/v1/messages", 200, "shop"),
    ]
    for private in (NUMBER, "a very private text", TOKEN, rig.keys["shop"].key):
        assert private not in rig.lines.text


async def test_too_many_at_once_are_turned_away(tmp_path):
    """More requests than `max_requests` hear 503 with Retry-After; probes are answered all the same."""
    async with serving(tmp_path, daemon={"max_requests": 1, "body_timeout": "500ms"}) as rig:
        slow = asyncio.create_task(talk(rig, slow_request(rig)))
        await asyncio.sleep(0.1)

        second, probe = await rig.post("/v1/messages", sms()), await rig.get("/readyz")

        assert (second.status, second.kind, second.headers["Retry-After"]) == (503, "busy", "1")
        assert probe.status == 200
        await slow
        assert (await rig.post("/v1/messages", sms())).status == 202


def junk(chance: random.Random, depth: int = 0):
    """Return some JSON: often with the names of the API, seldom as it should be."""
    names = ["to", "text", "channel", "class", "ttl", "send_at", "fallback", "tags", "reference", "reason", "x", ""]
    plain = [None, True, -1, 1e300, 2**70, "", "79161234567", "sms", "viber", "PT5M", "\x00", "\u2028", "😀" * 5, "otp"]
    kind = chance.random()
    if kind < 0.5 or depth > 3:
        return chance.choice(plain)
    if kind < 0.65:
        return [junk(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(names): junk(chance, depth + 1) for _ in range(chance.randrange(5))}


async def test_nonsense_breaks_nothing(tmp_path):
    """Random bytes and random JSON to every endpoint: no 5xx, no traceback, no secret in log or answer."""
    chance = random.Random(18)
    token = {"env": "CANARY"}
    async with serving(tmp_path, account={"callback_token": token}) as rig:
        places = [one for one in ENDPOINTS if one.name not in {"streamEvents", "reload", "drainProvider"}]
        for endpoint in places:
            for turn in range(25):
                body = chance.randbytes(chance.randrange(60)) if turn % 3 == 0 else json.dumps(junk(chance)).encode()
                path = endpoint.path
                for name in ("{id}", "{msisdn}", "{name}", "{provider}", "{token}"):
                    path = path.replace(name, chance.choice(["a", "%00", "%ff", "..", "x" * 300, "79161234567", "%2F"]))
                path += chance.choice(["", "?", "?a=b&a=b", "?limit=x&reference=", "?since=1&until=%00&provider=a"])
                admin = "public" not in endpoint.listeners
                said = await rig.ask(endpoint.method, path, body, admin=admin)
                assert said.status < 500, (endpoint.name, path, body, said)
                assert CANARY.encode() not in said.body
        assert rig.lines.of("http.failed") == []
        assert "Traceback" not in rig.lines.text
        assert CANARY not in rig.lines.text


async def test_a_key_in_the_wrong_header_is_not_repeated(rig: Rig):
    """Who writes his key where an id belongs reads it nowhere, and neither does who reads the log."""
    key = rig.keys["shop"].key

    said = await rig.get("/v1/messages/none", headers={"X-Request-Id": key})

    assert said.status == 404
    assert key not in said.body.decode() + rig.lines.text + said.headers["X-Request-Id"]


async def test_what_nobody_can_expect_is_passed_over(rig: Rig):
    """An expectation that is not known here is no reason to refuse a request."""
    said = await rig.get("/v1/messages?reference=x", headers={"Expect": "the-impossible"})

    assert said.status == 200
