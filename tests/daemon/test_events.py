"""Streams of events: each client's own, resumable, and not for those who do not read."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from pointsman.daemon import streams

from .rig import Rig, serving, sms, until


class Stream:
    """An open stream and what came."""

    def __init__(self, response) -> None:
        self.response = response

    async def next(self) -> tuple[int, dict]:
        """Return the next event: its id and its data."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(5):
            while line := (await self.response.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if not line.strip() and "data" in fields:
                    return int(fields["id"]), json.loads(fields["data"])
                fields[name] = value
        raise EOFError


@asynccontextmanager
async def streaming(rig: Rig, query: str = "", client: str = "shop", **headers: str):
    """Open a stream."""
    headers = {**rig.bearer(client), **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with rig.session.get(f"{rig.url}/v1/events{query}", headers=headers) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        yield Stream(response)


async def test_news_come_as_they_happen(rig: Rig):
    """A stream tells what becomes of a client's messages, and nothing of the text or the number."""
    async with streaming(rig) as stream:
        taken = (await rig.post("/v1/messages", sms(reference="r"))).json["id"]
        told = [await stream.next() for _ in range(2)]

    assert [(one["id"], one["state"], one["reference"]) for _, one in told] == [
        (taken, "sent", "r"),
        (taken, "delivered", "r"),
    ]
    assert "7916" not in json.dumps(told)


async def test_a_stream_goes_on_where_it_was_left(rig: Rig):
    """Who names the last event that he saw misses nothing and gets nothing twice, by header as well as by query."""
    for _ in range(2):
        await rig.service.router.wait((await rig.post("/v1/messages", sms())).json["id"])
    async with streaming(rig, "?after=0") as stream:
        everything = [await stream.next() for _ in range(4)]

    async with streaming(rig, Last_Event_ID=str(everything[1][0])) as stream:
        rest = [await stream.next() for _ in range(2)]

    assert rest == everything[2:]
    assert [place for place, _ in everything] == sorted({place for place, _ in everything})


async def test_others_hear_nothing(rig: Rig):
    """A client's news are in no other client's stream."""
    await rig.service.router.wait((await rig.post("/v1/messages", sms())).json["id"])
    mine = (await rig.post("/v1/messages", sms(), client="other")).json["id"]

    async with streaming(rig, "?after=0", client="other") as stream:
        assert (await stream.next())[1]["id"] == mine


@pytest.mark.parametrize(
    ("header", "query"), [("x", ""), ("-1", ""), ("9" * 30, ""), (None, "?after=-1"), (None, "?a=1")]
)
async def test_places_that_are_none(rig: Rig, header: str | None, query: str):
    """An id that no event has is refused before the stream begins."""
    headers = {"Last-Event-ID": header} if header is not None else {}

    assert (await rig.get(f"/v1/events{query}", headers=headers)).status == 422


async def test_a_silent_stream_shows_signs_of_life(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """Without news a comment comes now and then, so that proxies keep the connection."""
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    monkeypatch.setattr(streams, "LOOK_AGAIN", 0.02)

    async with streaming(rig) as stream, asyncio.timeout(5):
        lines = [await stream.response.content.readline() for _ in range(3)]

    assert lines == [b"retry: 2000\n", b"\n", b": still here\n"]


async def test_streams_have_places(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A client has a tenth of the places; the next stream is refused until one is free again."""
    monkeypatch.setattr(streams, "LOOK_AGAIN", 0.02)
    async with serving(tmp_path, daemon={"max_streams": 3}) as rig:
        async with streaming(rig), streaming(rig, client="other"):
            full = await rig.get("/v1/events")
            assert (full.status, full.kind) == (429, "too-many-requests")
        await until(lambda: rig.service.house.streams.count == 0)
        async with streaming(rig):
            pass


async def test_slow_readers_are_cut_off(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """A reader that does not read loses its stream; what waits for it is in the store and not in memory."""
    monkeypatch.setattr(streams, "WRITE_PATIENCE", 0.1)
    house = rig.service.house

    async def endless(client: str, after: int, limit: int):
        return tuple(
            streams.News(seq=after + place, client=client, message_id="m", state="sent", at=0.0, body=b"x" * 1000)
            for place in range(1, limit + 1)
        )

    monkeypatch.setattr(house.gateway.store, "news", endless)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.service.public.address.port)
    key = rig.bearer("shop")["Authorization"]
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")  # and nothing more is read
    await until(lambda: house.streams.count == 1)

    await until(lambda: house.streams.count == 0)
    writer.close()


async def test_streams_end_when_the_server_closes(tmp_path):
    """The end of the server ends all streams at once and does not wait for their readers."""
    async with serving(tmp_path) as rig, streaming(rig) as stream:
        await asyncio.wait_for(rig.service.close(patience=1.0), 5)
        with pytest.raises(EOFError):
            await stream.next()


@pytest.mark.parametrize("change", ["the client is gone", "its key is another one"])
async def test_a_stream_ends_with_the_key_that_opened_it(rig: Rig, change: str, monkeypatch: pytest.MonkeyPatch):
    """Who loses his key hears nothing more on a stream that is open already."""
    monkeypatch.setattr(streams, "LOOK_AGAIN", 0.02)
    async with streaming(rig, client="other") as stream, streaming(rig) as remaining:
        text, digest = rig.path.read_text(), rig.keys["other"].key_sha256
        there = f'[clients.other]\nkey_sha256 = "{digest}"\n'
        assert there in text
        instead = "" if change == "the client is gone" else there.replace(digest, "0" * 64)
        rig.path.write_text(text.replace(there, instead))
        assert (await rig.manage("/-/reload")).status == 200

        with pytest.raises(EOFError):
            await stream.next()
        await rig.post("/v1/messages", sms())
        assert (await remaining.next())[1]["state"] == "sent"
