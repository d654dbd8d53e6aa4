"""Whole conversations as files: the call, the request that it must become, the answer, what it must be read as.

A case is a folder of `golden/`:

    call.json      the operation and what it is about
    request.http   method, path and query, then the form: decoded from its percent-encoding, one field a line
    response.http  status line, headers, blank line, body
    outcome.json   the reading
"""

import json
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pointsman.message import Alphabet, Channel, HlrLookup, Message, Msisdn, Network, Segments, Sms, Viber
from pointsman.plugin import Batch, Form, Request, Response, Secret, Session, Submission, Tracked, Window
from pointsman_devino import Devino, Settings
from pointsman_devino.settings import HlrAuth

SESSION = Session(token=Secret("Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"), valid_for=timedelta(minutes=120))
CASES = sorted((Path(__file__).parent / "golden").iterdir())


def batch(call: dict) -> Batch:
    """Build the batch that a call describes."""
    ttl = call.get("ttl_seconds")
    return Batch(
        ref="batch0",
        channel=Channel(call["channel"]),
        items=tuple(
            Submission(
                ref=f"ref{place}",
                message=message(call, number),
                to=Msisdn(number),
                network=Network(country="RU"),
                segments=Segments(Alphabet.GSM7, 0, call["parts"]) if "parts" in call else None,
                sender=call.get("sender"),
                ttl=None if ttl is None else timedelta(seconds=ttl),
                send_at=moment(call.get("send_at")),
                send_at_local=moment(call.get("send_at_local")),
                resend=call.get("resend", False),
            )
            for place, number in enumerate(call["to"])
        ),
    )


def message(call: dict, number: str) -> Message:
    """Build the message that a call sends to a number."""
    match call["channel"]:
        case "sms":
            return Sms(to=number, text=call["text"])
        case "viber":
            return Viber(to=number, text=call["text"])
        case _:
            return HlrLookup(to=number)


def moment(text: str | None) -> datetime | None:
    """Read a time."""
    return None if text is None else datetime.fromisoformat(text)


def awaited(call: dict) -> tuple[Tracked, ...]:
    """Build the messages that a poll asks about."""
    return tuple(
        Tracked(
            ids=(message_id,),
            to=Msisdn(number),
            channel=Channel(call["channel"]),
            accepted_at=0.0,
            resend=call.get("resend", False),
        )
        for message_id, number in call["awaited"].items()
    )


def converse(devino: Devino, call: dict, response: Response):
    """Return the request for a call and the reading of its answer."""
    match call["operation"]:
        case "login":
            return devino.login_request(), devino.read_login(response)
        case "balance":
            return devino.balance_request(SESSION), devino.read_balance(response)
        case "submit":
            return devino.submit_request(batch(call), SESSION), devino.read_submit(batch(call), response)
        case "poll":
            return devino.poll_request(awaited(call), SESSION), devino.read_poll(awaited(call), response)
        case "inbox" | "statistics" as asked:
            window = Window(datetime.fromisoformat(call["start"]), datetime.fromisoformat(call["end"]))
            if asked == "inbox":
                return devino.inbox_request(window, SESSION), devino.read_inbox(window, response)
            return devino.statistics_request(window, SESSION), devino.read_statistics(window, response)


def written(request: Request) -> str:
    """Write a request as the golden file has it."""
    form = request.body.fields if isinstance(request.body, Form) else ()
    lines = [f"{request.method} {request.path}", *(f"?{field}" for field in map(field_text, request.query))]
    return "\n".join([*lines, "", *map(field_text, form)]).strip() + "\n"


def field_text(field: tuple[str, str | Secret]) -> str:
    """Write a field, revealing the obviously fake secrets."""
    name, value = field
    return f"{name}={value.reveal() if isinstance(value, Secret) else value}"


def parsed(text: bytes) -> Response:
    """Read an answer from its golden file."""
    head, _, body = text.partition(b"\n\n")
    status, *headers = head.decode().splitlines()
    pairs = (line.split(": ", 1) for line in headers)
    return Response(status=int(status.split()[1]), headers=dict(pairs), body=body)


def plain(reading: object) -> object:
    """Turn a reading into what its golden file holds."""
    encoded = msgspec.json.encode(reading, enc_hook=lambda secret: secret.reveal())
    return {"kind": type(reading.value).__name__} | told(json.loads(encoded))


def told(value: object) -> object:
    """Leave out what says nothing: null, empty text, false."""
    match value:
        case dict():
            return {name: told(field) for name, field in value.items() if field not in (None, "", False)}
        case list():
            return [told(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_conversation_is_as_in_its_files(case):
    """The call becomes exactly this request, and the answer is read as exactly this."""
    call = json.loads((case / "call.json").read_text("utf-8"))
    auth = HlrAuth(call.get("hlr_auth", "session"))
    devino = Devino(Settings(login=Secret("test_login"), password=Secret("test123"), hlr_auth=auth, viber=True))
    request, reading = converse(devino, call, parsed((case / "response.http").read_bytes()))

    assert (case / "request.http").read_text("utf-8") == written(request)
    assert json.loads((case / "outcome.json").read_text("utf-8")) == plain(reading)
