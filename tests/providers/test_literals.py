"""The 22 literals of the documents, byte for byte: each is read by its plugin, or turned down by its sandbox."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from pointsman.message import Alphabet, Channel, HlrLookup, Message, Msisdn, Network, Segments, Sms
from pointsman.outcome import Accepted, Refused, Report, Unknown
from pointsman.plugin import (
    Batch,
    Each,
    Reading,
    Response,
    Resubmit,
    Secret,
    SessionExpired,
    Statistics,
    Submission,
    Tracked,
    Whole,
    Window,
)
from pointsman_affiliate_hlr.provider import AffiliateHlr
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_affiliate_hlr.sandbox.keys import KEY
from pointsman_affiliate_hlr.settings import Settings as AffiliateSettings
from pointsman_devino import Devino
from pointsman_devino import Settings as DevinoSettings
from pointsman_smstele.provider import Smstele
from pointsman_smstele.settings import Settings as SmsteleSettings

ROOT = Path(__file__).parents[2]
LITERALS = ROOT / "tests" / "fixtures"
DEVINO = Devino(DevinoSettings(login=Secret("test_login"), password=Secret("test123")))
SMSTELE = Smstele(SmsteleSettings(login=Secret("test:http"), password=Secret("~test123")))
AFFILIATE = AffiliateHlr(AffiliateSettings(api_key=Secret("live_example")))
WINDOW = Window(datetime(2011, 1, 1, tzinfo=UTC), datetime(2011, 1, 11, tzinfo=UTC))
BAD_REQUEST = 400
REF = "custom-message-id-test-22"

Read = Callable[[Response], Reading]


def batch(*numbers: str, channel: Channel = Channel.SMS, ref: str = "batch", refs: tuple[str, ...] = ()) -> Batch:
    """Return what was sent before the answer came."""
    items = tuple(
        Submission(
            ref=refs[place] if refs else f"ref{place}",
            message=_message(channel, to),
            to=Msisdn(to),
            network=Network(),
            segments=None if channel is Channel.HLR else Segments(Alphabet.GSM7, 4, 1),
            sender=None,
            ttl=timedelta(minutes=5),
        )
        for place, to in enumerate(numbers)
    )
    return Batch(ref=ref, channel=channel, items=items)


def _message(channel: Channel, to: str) -> Message:
    return HlrLookup(to) if channel is Channel.HLR else Sms(to, "test")


def submit(provider: Devino | Smstele | AffiliateHlr, sent: Batch) -> Read:
    """Read as the answer to a submit."""
    return lambda response: provider.read_submit(sent, response)


def poll(provider: Devino | Smstele, provider_id: str, to: str, channel: Channel = Channel.SMS) -> Read:
    """Read as the answer to the question about a message."""
    tracked = Tracked(ids=(provider_id,), to=Msisdn(to), channel=channel, accepted_at=0.0)
    return lambda response: provider.read_poll((tracked,), response)


def told(value: object) -> str:
    """Return in a few words how an answer was read."""
    match value:
        case Each(outcomes) | tuple(outcomes):
            return ", ".join(map(told, outcomes))
        case Accepted(ids=ids, duplicate=duplicate, price=price):
            return f"{'known' if duplicate else 'accepted'} {'+'.join(ids)}" + (f" for {price}" if price else "")
        case Refused(fault=fault, code=code):
            return f"refused {fault} {code}"
        case Unknown(reason=reason):
            return f"unknown {reason}"
        case Whole(outcome=outcome, divisible=divisible):
            return f"all {told(outcome)}" + (", divisible" if divisible else "")
        case Resubmit(reason=reason):
            return f"again, {told(reason)}"
        case SessionExpired(code=code):
            return f"session expired {code}"
        case Report(state=state, lookup=lookup, final=final, to=to):
            return f"{lookup.state if lookup else state}{' for good' if final else ''}" + (f" {to}" if to else "")
        case Statistics(total=total, delivered=delivered, delivery_ratio=ratio):
            return f"{delivered} of {total}, {ratio} %"
        case _:
            return f"{type(value).__name__} {getattr(value, 'id', '')}".strip()


ANSWERS: Mapping[str, tuple[Read, int, str]] = {
    "devino_err1": (poll(DEVINO, "1", "79031234567"), BAD_REQUEST, "refused request 1"),
    "devino_err2": (lambda response: DEVINO.read_statistics(WINDOW, response), BAD_REQUEST, "refused request 2"),
    "devino_err4_login": (DEVINO.read_login, 401, "refused credentials 4"),
    "devino_err4_session": (DEVINO.read_balance, 401, "session expired 4"),
    "devino_err6": (submit(DEVINO, batch("79031234567")), BAD_REQUEST, "all refused sender 6"),
    "devino_err9": (lambda response: DEVINO.read_inbox(WINDOW, response), 500, "refused request 9"),
    "devino_hlr_state": (
        poll(DEVINO, "703112828852109314", "79001234567", Channel.HLR),
        200,
        "reachable for good 79001234567",
    ),
    "devino_in": (lambda response: DEVINO.read_inbox(WINDOW, response), 200, "Incoming 539187174, Incoming 539187214"),
    "devino_state255": (poll(DEVINO, "579700854169272358", "79031234567"), 200, "unknown"),
    "devino_stats": (lambda response: DEVINO.read_statistics(WINDOW, response), 200, "0 of 64665, 0 %"),
    "smstele_err22": (submit(SMSTELE, batch("79160001234")), 200, "all refused credentials -22"),
    "smstele_err24": (submit(SMSTELE, batch("79160001234")), 200, "all refused request -24"),
    "smstele_err25": (
        submit(SMSTELE, batch("79160001234", "79260004567")),
        200,
        "all refused recipient -25, divisible",
    ),
    "smstele_err35": (submit(SMSTELE, batch("79160001234")), 200, "again, refused request -35"),
    "smstele_send1": (
        submit(SMSTELE, batch("79160001234", ref="custom-message-id-test-21")),
        200,
        "accepted custom-message-id-test-21/79160001234",
    ),
    "smstele_send2": (
        submit(
            SMSTELE,
            batch("79160001234", "79072233645", "79676771707", "79260004567", ref=REF),
        ),
        200,
        f"accepted {REF}/79160001234, refused recipient None, refused recipient None, accepted {REF}/79260004567",
    ),
    "smstele_status": (
        poll(SMSTELE, "custom-message-id-test-22/79160001234", "79160001234"),
        200,
        "delivered for good 79160001234",
    ),
    "affiliate_batch_ok": (
        submit(
            AFFILIATE, batch("380501234567", "380507654321", channel=Channel.HLR, refs=("extid13423now", "extid13425"))
        ),
        200,
        "accepted 12345 for 0.002 EUR, accepted 12346 for 0.002 EUR",
    ),
    "affiliate_batch_dup": (
        submit(
            AFFILIATE, batch("380501234567", "380507654321", channel=Channel.HLR, refs=("extid13423now", "extid13425"))
        ),
        200,
        "known 12345, accepted 12346 for 0.002 EUR",
    ),
    "affiliate_err14": (
        submit(AFFILIATE, batch("380501234567", "380507654321", channel=Channel.HLR)),
        200,
        "all refused request 14, divisible",
    ),
}
"""By name: how the answer is read, the HTTP status that came with it, and what it says."""
REQUESTS = ("affiliate_single_req", "affiliate_batch_req")
"""Requests as the document prints them; both are broken JSON."""


def literal(name: str) -> bytes:
    """Return the bytes."""
    return (LITERALS / f"{name}_literal.txt").read_bytes()


@pytest.mark.parametrize("name", ANSWERS)
def test_a_literal_answer_is_read(name: str):
    """What stands in the document means to its plugin what it means to a careful reader."""
    read, status, expected = ANSWERS[name]
    assert told(read(Response(status=status, body=literal(name))).value) == expected


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_literal_request_is_turned_down(name: str):
    """The sandbox does not guess at a request that is no JSON: error 14 for all of it, and nothing is created."""
    async with AffiliateSandbox() as box, aiohttp.ClientSession() as client:
        headers = {"X-API-KEY": KEY, "Content-Type": "application/json"}
        async with client.put(f"{box.base_url}/hlr/create", data=literal(name), headers=headers) as response:
            answer = await response.json(content_type=None)
    assert (answer["error"], box.ledger.messages) == ("14", [])


def test_every_literal_is_in_use():
    """None of the 22 is left out here, and what a plugin keeps for its own tests is the same to the byte."""
    names = {path.name.removesuffix("_literal.txt") for path in LITERALS.glob("*_literal.txt")}
    assert (names, len(names)) == ({*ANSWERS, *REQUESTS}, 22)
    kept = {}
    for path in ROOT.glob("plugins/*/tests/fixtures/*_literal.txt"):
        name = path.name.removesuffix("_literal.txt")
        kept[name if name in names else f"{path.parts[-4]}_{name}"] = path.read_bytes()
    assert kept == {name: literal(name) for name in names}
