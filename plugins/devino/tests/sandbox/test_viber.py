"""Viber messages, and the SMS in their place."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from pointsman.sandbox import Fate, error
from pointsman_devino.sandbox import DevinoSandbox, Mode

SESSION = "Z5CYSZEKDL1DPICU37WEHQVOYKP0T1GSLHX1"
A, B = "79161002030", "79031002030"
STATE = f"Viber/State?sessionId={SESSION}&messageId=GW0261BBD6B3"

Call = Callable[..., Awaitable[Any]]


def form(**changes: str) -> str:
    """The body of a good request to send, with changes; an empty value leaves the parameter out."""
    values = {"SessionID": SESSION, "DestinationAddress": A, "SourceAddress": "SHOP", "Data": "one%0Atwo", **changes}
    return "&".join(f"{name}={value}" for name, value in values.items() if value)


BULK = form(DestinationAddress="") + f"&DestinationAddresses={A}&DestinationAddresses={B}"


@pytest.mark.parametrize(
    ("path", "body", "numbers"),
    [
        ("Viber/Send", form(), [A]),
        ("viber/send", form(Validity="86400", Optional="x"), [A]),
        ("Viber/SendBulk", BULK, [A, B]),
        ("Viber/SendWithResend", form(), [A]),
        ("Viber/SendWithResendBulk", f"{BULK}&Optionals=x&Optionals=y", [A, B]),
    ],
)
async def test_four_ways_to_send(box: DevinoSandbox, call: Call, path: str, body: str, numbers: list[str]) -> None:
    """Each gives one id a number, and takes what the document's samples pass: 86400 minutes and free fields."""
    answered = await call(path, body, method="POST")

    assert (answered.status, answered.json) == (200, ["GW0261BBD6B3", "GW0261BBD6B4"][: len(numbers)])
    assert [(message.to, message.text) for message in box.ledger.messages] == [(to, "one\ntwo") for to in numbers]
    assert box.account.spent == Decimal("0.9") * len(numbers)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"DestinationAddress": ""}, "error-address-not-specified"),
        ({"DestinationAddress": "123"}, "error-address-format"),
        ({"DestinationAddress": "79000000000"}, "error-address-unknown"),
        ({"SourceAddress": ""}, "error-subject-not-specified"),
        ({"SourceAddress": "TWELVELETTER"}, "error-subject-format"),
        ({"SourceAddress": "MY SHOP"}, "error-subject-format"),
        ({"SourceAddress": "NOBODY"}, "error-subject-unknown"),
        ({"Data": ""}, "error-content-not-specified"),
        ({"Validity": "soon"}, "error-validity-period-seconds-format"),
        ({"Validity": "86401"}, "error-validity-period-seconds-format"),
    ],
)
async def test_checks_of_viber(box: DevinoSandbox, call: Call, changes: dict[str, str], word: str) -> None:
    """Each check has its word, and leaves neither a message nor a charge."""
    box.invalid_numbers.add("79000000000")

    assert (await call("Viber/Send", form(**changes))).refusal == (400, 1, word)
    assert (box.ledger.messages, box.account.balance) == ([], Decimal("20015.3"))


async def test_checks_that_viber_shares(box: DevinoSandbox, call: Call) -> None:
    """Session, money and length are refused by number, as for an SMS."""
    refusals = [
        (await call("Viber/Send", form(SessionID=""))).refusal[1],
        (await call("Viber/Send", form(SessionID="A" * 36))).refusal[1],
        (await call("Viber/Send", form(Data="x" * 1001))).refusal[1],
    ]
    assert (await call("Viber/Send", form(Data="x" * 1000))).status == 200
    box.account.spend(box.account.balance)
    refusals.append((await call("Viber/Send", form())).refusal[1])

    assert refusals == [1, 3, 2, 5]


async def test_one_bad_number_and_nothing_is_sent(box: DevinoSandbox, call: Call) -> None:
    """The whole bulk is refused, in words that do not name the number."""
    assert (await call("Viber/SendBulk", BULK.replace(B, "790310"))).refusal == (400, 1, "error-address-format")
    assert box.ledger.messages == []


async def test_the_documents_wording_of_a_refusal(box: DevinoSandbox, call: Call) -> None:
    """In document mode keys are bare and there is no comma, as in the one example."""
    box.mode = Mode.DOCUMENT

    assert (await call("Viber/Send", form(DestinationAddress="123"))).text == '{Code: 1 Desc: "error-address-format"}'


@pytest.mark.parametrize(
    "word",
    [
        "error-address-format",
        "error-address-not-specified",
        "error-address-unknown",
        "error-content-not-specified",
        "error-subject-format",
        "error-subject-not-specified",
        "error-subject-unknown",
        "error-validity-period-seconds-format",
        "error-system",
    ],
)
@pytest.mark.parametrize("path", ["Viber/Send", "Viber/SendWithResendBulk", STATE])
async def test_every_word_can_be_injected(box: DevinoSandbox, call: Call, path: str, word: str) -> None:
    """For each call of Viber, and nothing is sent then; a system error has the status of one."""
    box.faults.add(error(word))
    status, code, text = (await call(path, form() if "Send" in path else None)).refusal

    assert (status, code, text) == ((500, 9, word) if word == "error-system" else (400, 1, word))
    assert box.ledger.messages == []


@pytest.mark.parametrize(
    ("fate", "state"),
    [
        (Fate.DELIVERED, 2),
        (Fate.UNDELIVERED, 4),
        (Fate.EXPIRED, 7),
        (Fate.REJECTED, 5),
        (Fate.DELETED, 5),
        (Fate.UNKNOWN, 6),
        (Fate.STUCK, 1),
    ],
)
async def test_states_of_viber(box: DevinoSandbox, call: Call, fate: Fate, state: int) -> None:
    """0 on its way to Viber, 1 sent, then the end; without "resend" no SMS follows."""
    box.outcomes[A] = fate
    await call("Viber/Send", form())
    states = []
    for seconds in (0, 1, 3600):
        box.clock.advance(seconds)
        states.append((await call(STATE)).json["State"])

    assert states == [0, 1, state]
    assert ((await call(STATE)).json["ResentSms"], len(box.ledger.messages)) == ([], 1)


@pytest.mark.parametrize("state", range(9))
async def test_scripted_states_of_viber(box: DevinoSandbox, call: Call, state: int) -> None:
    """Every code of the table can be scripted for a number, and has a text."""
    box.viber_states[A] = state
    await call("Viber/Send", form())
    box.clock.advance(3)
    row = (await call(STATE)).json

    assert (row["State"], row["StateDescription"] != "") == (state, True)


async def test_an_sms_takes_the_place_of_a_message_that_failed(box: DevinoSandbox, call: Call) -> None:
    """It is told when the Viber message has failed, goes its own way, and costs its own price for each segment."""
    box.viber_states[A] = 4
    await call("Viber/SendWithResend", form(Data="x" * 161))
    rows = []
    for seconds in (2, 1, 1, 2):
        box.clock.advance(seconds)
        row = (await call(STATE)).json
        rows.append((row["State"], [sms["State"] for sms in row["ResentSms"]]))

    assert rows == [(1, []), (4, [-2, -2]), (4, [-1, -1]), (4, [0, 0])]
    assert [(sms["Id"], sms["Price"]) for sms in row["ResentSms"]] == [
        ("579700854169272358", 1.5),
        ("579700854169272359", 1.5),
    ]
    assert (await call(f"Sms/State?sessionId={SESSION}&messageId=579700854169272359")).json["State"] == 0
    assert box.account.spent == Decimal("3.9")


async def test_no_sms_follows_a_message_that_arrived(box: DevinoSandbox, call: Call) -> None:
    """Nor one that cannot be paid."""
    await call("Viber/SendWithResend", form())
    box.viber_states[B] = 4
    box.account.spend(box.account.balance - Decimal(1))
    await call("Viber/SendWithResend", form(DestinationAddress=B))
    box.clock.advance(3600)

    assert [(await call(STATE.replace("B3", last))).json["ResentSms"] for last in ("B3", "B4")] == [[], []]
    assert [message.channel for message in box.ledger.messages] == ["viber", "viber"]


async def test_an_sms_takes_no_money_from_a_message_of_its_bulk(box: DevinoSandbox, call: Call) -> None:
    """What is paid for is sent: the SMS come out of what is left after the whole bulk."""
    box.viber_states.update({A: 4, B: 4})
    box.account.spend(box.account.balance - Decimal(2))

    assert (await call("Viber/SendWithResendBulk", BULK)).status == 200
    assert [message.channel for message in box.ledger.messages] == ["viber", "viber"]


async def test_a_viber_message_expires(box: DevinoSandbox, call: Call) -> None:
    """What takes longer than its minutes ends as expired."""
    box.delivery = type(box.delivery)(seconds_to_final=600)
    await call("Viber/Send", form(Validity="5"))
    box.clock.advance(301)

    assert (await call(STATE)).json["State"] == 7


@pytest.mark.parametrize("message_id", ["GW1", "579700854169272358"])
async def test_an_id_that_is_not_vibers_is_unknown(box: DevinoSandbox, call: Call, message_id: str) -> None:
    """An SMS is none of Viber's messages, nor the other way round."""
    await call("Sms/Send", form())
    await call("Viber/Send", form())

    assert (await call(STATE.replace("GW0261BBD6B3", message_id))).json["State"] == 6
    assert (await call(f"Sms/State?sessionId={SESSION}&messageId=GW0261BBD6B3")).json["State"] == 255
