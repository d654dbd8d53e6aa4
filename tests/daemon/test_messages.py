"""Messages over HTTP: taken, shown, found, cancelled - each client's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.store.interface import Retention

from .rig import NUMBER, Rig, serving, sms


def tomorrow() -> str:
    """Return a moment a day from now, as the API writes it."""
    return (datetime.now(tz=UTC) + timedelta(days=1)).isoformat()


async def final(rig: Rig, message_id: str, client: str = "shop"):
    """Return a receipt as soon as its state is final."""
    await rig.service.router.wait(message_id)
    return (await rig.get(f"/v1/messages/{message_id}", client=client)).json


async def test_a_message_goes_in_and_its_receipt_comes_out(rig: Rig):
    """One message is answered with 202 and its id; its receipt then tells state, attempt, provider and price."""
    said = await rig.post("/v1/messages", sms(reference="order 1"))

    assert (said.status, set(said.json)) == (202, {"id", "state"})
    receipt = await final(rig, said.json["id"])
    assert (receipt["state"], receipt["provider"], receipt["reference"]) == ("delivered", "a", "order 1")
    (attempt,) = receipt["attempts"]
    assert attempt["outcome"] == "accepted"
    assert attempt["price"] == {"amount": "0.05", "currency": "EUR"}
    assert len(rig.box.ledger.messages) == 1


async def test_an_array_is_taken_as_a_whole(rig: Rig):
    """Several messages, one of each channel, are answered in their order."""
    orders = [sms(), {"channel": "viber", "to": NUMBER, "text": "hi"}, {"channel": "hlr", "to": NUMBER}]

    said = await rig.post("/v1/messages", orders)

    assert said.status == 202
    channels = [(await rig.get(f"/v1/messages/{one['id']}")).json["channel"] for one in said.json]
    assert channels == ["sms", "viber", "hlr"]


async def test_nothing_of_an_array_is_taken_when_one_is_wrong(rig: Rig):
    """All that is wrong is told at once, each with its place; nobody gets anything."""
    said = await rig.post("/v1/messages", [sms(), sms(to="12"), sms(text=" ")])

    assert (said.status, said.kind) == (422, "invalid")
    assert [(one["pointer"], one["field"]) for one in said.json["errors"]] == [
        ("#/1/to", "[1].to"),
        ("#/2/text", "[2].text"),
    ]
    assert rig.box.ledger.messages == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (sms(txt="x"), "txt"),
        ({"to": NUMBER}, "text"),
        (sms(to=79161234567), "to"),
        (sms(channel="fax"), "channel"),
        (sms(**{"class": "urgent"}), "class"),
        (sms(ttl="soon"), "ttl"),
        (sms(ttl=0), "ttl"),
        (sms(ttl=1e9), "ttl"),
        (sms(send_at="2026-12-01T09:00:00"), "send_at"),
        (sms(send_at="0001-01-01T00:00:00+14:00"), "send_at"),
        (sms(send_at_local="2026-12-01T09:00:00+03:00"), "send_at_local"),
        (sms(callback_url="ftp://shop.example"), "callback_url"),
        (sms(tags=["x"] * 33), "tags"),
        ({"channel": "viber", **sms(), "fallback": {"ttl": "x"}}, "fallback.ttl"),
        ({"channel": "viber", **sms(), "fallback": {"colour": "x"}}, "fallback.colour"),
        ({"channel": "hlr", **sms()}, "text"),
        (5, ""),
        ([], ""),
        ([[]], "[0]"),
    ],
)
async def test_what_is_wrong_is_named(rig: Rig, body: object, field: str):
    """A problem document names the field at fault, and repeats no value."""
    said = await rig.post("/v1/messages", body)

    assert (said.status, said.kind, said.fields) == (422, "invalid", [field])
    assert "79161234567" not in said.body.decode()


async def test_every_form_of_a_life_is_read(rig: Rig):
    """`ttl` is seconds, a duration as in the configuration, or one of ISO 8601."""
    said = await rig.post("/v1/messages", [sms(ttl=one) for one in (90, 90.5, "90s", "1m30s", "PT1M30S", "P1DT1H")])

    assert said.status == 202


async def test_misspelt_fields_get_a_hint(rig: Rig):
    """Who writes `sendr` is told of `sender`."""
    said = await rig.post("/v1/messages", sms(sendr="SHOP"))

    assert 'did you mean "sender"?' in said.json["errors"][0]["problem"]


async def test_others_see_nothing(rig: Rig):
    """A client is told of other clients' messages what he is told of those that never were."""
    taken = (await rig.post("/v1/messages", sms(reference="mine"))).json["id"]

    for method in ("GET", "DELETE"):
        foreign = await rig.ask(method, f"/v1/messages/{taken}", client="other")
        absent = await rig.ask(method, "/v1/messages/" + "0" * 28, client="other")
        assert (foreign.status, foreign.json["detail"]) == (absent.status, absent.json["detail"])
        assert foreign.status == 404
    assert (await rig.get("/v1/messages?reference=mine", client="other")).json == {"messages": []}


async def test_messages_are_found_by_their_reference(rig: Rig):
    """All messages with one reference come together, the latest first, at most as many as asked for."""
    ids = [(await rig.post("/v1/messages", sms(reference="same"))).json["id"] for _ in range(3)]

    found = (await rig.get("/v1/messages?reference=same&limit=2")).json["messages"]

    assert [one["id"] for one in found] == [ids[2], ids[1]]


async def test_what_has_not_left_can_be_cancelled(rig: Rig):
    """A message for later is cancelled once; the second time is too late."""
    taken = (await rig.post("/v1/messages", sms(send_at=tomorrow()))).json
    assert taken["state"] == "scheduled"

    first = await rig.ask("DELETE", f"/v1/messages/{taken['id']}")
    await rig.service.router.wait(taken["id"])
    second = await rig.ask("DELETE", f"/v1/messages/{taken['id']}")

    assert (first.status, second.status, second.kind) == (202, 409, "conflict")
    assert (await rig.get(f"/v1/messages/{taken['id']}")).json["state"] == "cancelled"
    assert rig.box.ledger.messages == []


async def test_a_thousand_are_the_most(rig: Rig):
    """An array of a thousand is taken, one more is not."""
    assert (await rig.post("/v1/messages", [sms()] * 1001)).kind == "invalid"

    said = await rig.post("/v1/messages", [sms(send_at=tomorrow())] * 1000)

    assert (said.status, len(said.json)) == (202, 1000)


async def test_one_key_is_one_message(rig: Rig):
    """A hundred requests at once with one Idempotency-Key are one message, and all hear the same of it."""
    headers = {"Idempotency-Key": "order-17"}

    said = await asyncio.gather(*(rig.post("/v1/messages", sms(), headers=headers) for _ in range(100)))

    assert {one.status for one in said} == {202}
    assert len({one.json["id"] for one in said}) == 1
    assert [one.headers.get("Idempotent-Replay") for one in said].count("true") == 99
    await final(rig, said[0].json["id"])
    assert len(rig.box.ledger.messages) == 1


async def test_one_key_is_one_message_in_a_journal(durable: Rig):
    """The same holds where messages are kept on disk, and for arrays."""
    headers = {"Idempotency-Key": "order-17"}

    said = await asyncio.gather(*(durable.post("/v1/messages", [sms()] * 3, headers=headers) for _ in range(100)))

    assert len({one.body for one in said if one.headers.get("Idempotent-Replay") is None}) == 1
    assert len({tuple(message["id"] for message in one.json) for one in said}) == 1
    for message in said[0].json:
        await final(durable, message["id"])
    assert len(durable.box.ledger.messages) == 3


async def test_a_key_whose_message_is_forgotten_is_not_carried_out_anew(tmp_path: Path):
    """Where the message of a key is forgotten by now, the repeat is refused; it might be a second copy."""
    async with serving(tmp_path) as rig:
        headers = {"Idempotency-Key": "order-17"}
        taken = (await rig.post("/v1/messages", sms(), headers=headers)).json["id"]
        await final(rig, taken)
        await rig.service.router.store.erase(Retention(messages=-1e9), rig.service.router._clock.now(), 10)

        said = await rig.post("/v1/messages", sms(), headers=headers)

        assert (said.status, said.kind) == (409, "key-reused")
        assert len(rig.box.ledger.messages) == 1


async def test_the_order_of_fields_does_not_matter_to_a_key(rig: Rig):
    """A request is the same as before when its JSON is, however it is written."""
    headers = {"Idempotency-Key": "k"}
    first = await rig.post("/v1/messages", b'{"to": "79161234567", "text": "a"}', headers=headers)

    second = await rig.post("/v1/messages", b'{"text":"\\u0061","to":"79161234567"}', headers=headers)

    assert second.json["id"] == first.json["id"]


async def test_a_key_belongs_to_one_request_and_one_client(rig: Rig):
    """The same key with another request is a conflict; another client may use it as he likes."""
    headers = {"Idempotency-Key": "k"}
    first = await rig.post("/v1/messages", sms(), headers=headers)

    other = await rig.post("/v1/messages", sms(text="other"), headers=headers)
    lookup = await rig.post("/v1/lookups", {"to": NUMBER}, headers=headers)
    stranger = await rig.post("/v1/messages", sms(), headers=headers, client="other")

    assert (other.status, other.kind, lookup.kind) == (409, "key-reused", "key-reused")
    assert (stranger.status, stranger.json["id"] != first.json["id"]) == (202, True)


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "ключ", "a\tb"])
async def test_keys_that_are_none_are_refused(rig: Rig, key: str):
    """An Idempotency-Key is 1 to 255 printable characters."""
    said = await rig.post("/v1/messages", sms(), headers={"Idempotency-Key": key})

    assert (said.status, said.fields) == (422, ["Idempotency-Key"])


async def test_what_was_refused_leaves_its_key_free(rig: Rig):
    """A request that was not valid claims nothing, so that it can be mended under the same key."""
    headers = {"Idempotency-Key": "k"}
    assert (await rig.post("/v1/messages", sms(to="1"), headers=headers)).status == 422

    assert (await rig.post("/v1/messages", sms(), headers=headers)).status == 202


async def test_lookups_are_messages_of_their_own(rig: Rig):
    """A lookup is taken like a message, and what it found is then known, with its age."""
    assert (await rig.get(f"/v1/lookups/{NUMBER}")).status == 404
    (taken,) = (await rig.post("/v1/lookups", [{"to": NUMBER}])).json

    receipt = await final(rig, taken["id"])
    known = await rig.get(f"/v1/lookups/+{NUMBER}")

    assert receipt["state"] == "resolved"
    assert known.json["lookup"]["state"] == receipt["lookup"]["state"] == "reachable"
    assert 0 <= known.json["age"] < 60


async def test_explain_sends_nothing(rig: Rig):
    """The decision names who would take a message and at what price; nothing leaves."""
    said = await rig.post("/v1/explain", sms())

    assert (said.status, said.json["candidates"][0]["provider"]) == (200, "a")
    assert said.json["candidates"][0]["price"] == {"amount": "0.05", "currency": "EUR"}
    assert rig.box.ledger.messages == []


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_moments_outside_of_the_calendar_are_refused(durable: Rig, at: str):
    """A moment that UTC has no year for is the client's mistake, not ours."""
    said = await durable.post("/v1/messages", sms(send_at=at))

    assert (said.status, said.fields) == (422, ["send_at"])
