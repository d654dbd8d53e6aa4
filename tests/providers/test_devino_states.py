"""Devino's states of messages and lookups: each is reported by its sandbox and ends in the state of the tables."""

import pytest

from pointsman.events import Operation, Reported
from pointsman.message import HlrLookup, Sms, Viber
from pointsman.outcome import DeliveryState, LookupState, State

from .asking import is_at_peace
from .bench import NUMBER, Bench, path

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3600.0
SMS = Sms(NUMBER, "One text for all")

# State, what it means, whether it is the last word. Numbers below zero and 99 and 255 are on their way or not known.
SMS_STATES = (
    (-40, DeliveryState.QUEUED, False),
    (-30, DeliveryState.QUEUED, False),
    (-2, DeliveryState.QUEUED, False),
    (-20, DeliveryState.SENT, False),
    (-1, DeliveryState.SENT, False),
    (0, DeliveryState.DELIVERED, True),
    (10, DeliveryState.REJECTED, True),
    (11, DeliveryState.UNDELIVERABLE, True),
    (41, DeliveryState.UNDELIVERABLE, True),
    (42, DeliveryState.REJECTED, True),
    (46, DeliveryState.EXPIRED, True),
    (47, DeliveryState.DELETED, True),
    (-97, DeliveryState.DELETED, True),
    (-98, DeliveryState.DELETED, True),
    (48, DeliveryState.REJECTED, True),
    (69, DeliveryState.REJECTED, True),
    (-3, DeliveryState.REJECTED, True),
    (8, DeliveryState.UNDELIVERABLE, True),
    (99, DeliveryState.UNKNOWN, False),
    (255, DeliveryState.UNKNOWN, False),
    (4, DeliveryState.UNKNOWN, False),  # a code of the table of errors, which is another table
    (77, DeliveryState.UNKNOWN, False),
)
MESSAGE_STATES = {
    DeliveryState.DELIVERED: State.DELIVERED,
    DeliveryState.UNDELIVERABLE: State.UNDELIVERED,
    DeliveryState.REJECTED: State.REJECTED,
    DeliveryState.DELETED: State.REJECTED,
    DeliveryState.EXPIRED: State.EXPIRED,
}


@pytest.mark.trap("D07", "D30", "D31", "D32")
@pytest.mark.parametrize(("code", "means", "final"), SMS_STATES)
async def test_a_state_of_a_message_is_read_by_its_number(
    bench: Bench, code: int, means: DeliveryState, final: bool
) -> None:
    """A final state ends the message; any other leaves it sent, and unknown when 48 hours have passed."""
    bench.devino.states[NUMBER] = code
    async with bench.router("devino") as table:
        (receipt,) = await table.send(SMS)
        await bench.clock.sleep(HOUR)
        told = [event for event in table.events if isinstance(event, Reported)]
        assert (means, final) == (told[-1].state, told[-1].final)
        after_an_hour = await table.router.receipt(receipt.id)
        assert (MESSAGE_STATES[means] if final else State.SENT) == after_an_hour.state
        questions = len(table.calls("devino", Operation.POLL))
        await bench.clock.sleep(48 * HOUR)
        in_the_end = await table.router.receipt(receipt.id)
        assert (MESSAGE_STATES[means] if final else State.UNKNOWN) == in_the_end.state
        assert final == (questions == len(table.calls("devino", Operation.POLL)))
        assert is_at_peace(table)


@pytest.mark.parametrize("code", [11, 47, -97, -98])
async def test_a_bad_end_that_nobody_can_help_stays_where_it_is(bench: Bench, code: int) -> None:
    """A bad number and a deleted message are not tried elsewhere."""
    bench.devino.states[NUMBER] = code
    async with bench.router("devino", "smstele") as table:
        (receipt,) = await table.send(SMS, until_final=True)
    assert (path(receipt), receipt.state) == (("devino",), MESSAGE_STATES[_means(code)])


@pytest.mark.parametrize("code", [10, 41, 42, 46, 48, 69, -3, 8])
async def test_a_bad_end_that_another_provider_may_avoid_is_tried_there(bench: Bench, code: int) -> None:
    """What this provider or its network refused after all, or was too late with, is sent by the next one."""
    bench.devino.states[NUMBER] = code
    async with bench.router("devino", "smstele") as table:
        (receipt,) = await table.send(SMS, until_final=True)
        blocked = [rest.subject for rest in table.status("devino").rests]
    assert (path(receipt), receipt.state) == (("devino", "smstele"), State.DELIVERED)
    assert blocked == (["SHOP"] if code == 10 else [])


def _means(code: int) -> DeliveryState:
    return next(means for number, means, _ in SMS_STATES if number == code)


@pytest.mark.trap("D31")
async def test_a_message_that_is_not_in_the_data_base_yet_is_asked_for_again(bench: Bench) -> None:
    """State 255 of a new message is "not yet": the message ends as it is reported later."""
    bench.devino.state_lag = 60.0
    async with bench.router("devino") as table:
        (receipt,) = await table.send(SMS, until_final=True)
        told = [event.state for event in table.events if isinstance(event, Reported)]
    assert (told[0], told[-1]) == (DeliveryState.UNKNOWN, DeliveryState.DELIVERED)
    assert receipt.state == State.DELIVERED


async def test_a_message_of_parts_is_as_good_as_the_worst_of_them(bench: Bench) -> None:
    """Each part is asked for by its own id, and the message is delivered when all of them are."""
    async with bench.router("devino") as table:
        (receipt,) = await table.send(Sms(NUMBER, "x" * 400), until_final=True)
    asked = {value for request in bench.devino.ledger.requests for name, value in request.params if name == "messageId"}
    assert (receipt.state, len(asked)) == (State.DELIVERED, 3)


# State, what it means, whether it is the last word.
VIBER_STATES = (
    (0, DeliveryState.QUEUED, False),  # of an SMS it would be the best of ends
    (1, DeliveryState.SENT, False),
    (2, DeliveryState.DELIVERED, True),
    (3, DeliveryState.DELIVERED, True),
    (4, DeliveryState.UNDELIVERABLE, True),
    (5, DeliveryState.UNDELIVERABLE, True),
    (6, DeliveryState.UNKNOWN, False),
    (7, DeliveryState.EXPIRED, True),
    (8, DeliveryState.DELIVERED, True),
    (46, DeliveryState.UNKNOWN, False),  # a state of SMS, which are another table
)


@pytest.mark.trap("D43")
@pytest.mark.parametrize(("code", "means", "final"), VIBER_STATES)
async def test_a_state_of_a_viber_message_is_read_by_its_number(
    bench: Bench, code: int, means: DeliveryState, final: bool
) -> None:
    """A final state ends the message; any other leaves it sent, and unknown when 48 hours have passed."""
    bench.devino.viber_states[NUMBER] = code
    async with bench.router("devino_viber") as table:
        (receipt,) = await table.send(Viber(NUMBER, "One text for all"))
        await bench.clock.sleep(HOUR)
        told = [event for event in table.events if isinstance(event, Reported)]
        assert (means, final) == (told[-1].state, told[-1].final)
        await bench.clock.sleep(48 * HOUR)
        in_the_end = await table.router.receipt(receipt.id)
        assert (MESSAGE_STATES[means] if final else State.UNKNOWN) == in_the_end.state
        assert is_at_peace(table)


# State code, what it means, and whether one other provider is asked.
HLR_STATES = (
    (0, LookupState.UNKNOWN, True),  # pending for ever: given up a minute after the validity that we asked for
    (1, LookupState.REACHABLE, False),
    (2, LookupState.ABSENT, False),
    (3, LookupState.NONEXISTENT, False),
    (4, LookupState.FAILED, True),
    (99, LookupState.UNKNOWN, True),
    (7, LookupState.UNKNOWN, True),  # no state of the table
)


@pytest.mark.trap("H09")
@pytest.mark.parametrize("account", ["devino", "devino_password"])
@pytest.mark.parametrize(("code", "means", "elsewhere"), HLR_STATES)
async def test_a_state_of_a_lookup_answers_it_or_leads_to_one_other_provider(
    bench: Bench, account: str, code: int, means: LookupState, elsewhere: bool
) -> None:
    """Reachable, absent and nonexistent are answers; failed and unknown are asked of one other provider."""
    bench.devino.lookup_states[NUMBER] = code
    async with bench.router(account) as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
        assert (State.FAILED if elsewhere else State.RESOLVED) == receipt.state
        assert means == receipt.lookup.state
        if code == 0:
            assert 5 * 60 <= receipt.updated_at - receipt.accepted_at <= 7 * 60
    async with bench.router(account, "affiliate", "smstele") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
        assert ((account, "affiliate") if elsewhere else (account,)) == path(receipt)
        assert (State.RESOLVED, LookupState.REACHABLE if elsewhere else means) == (receipt.state, receipt.lookup.state)
        assert is_at_peace(table)


async def test_one_other_provider_is_asked_and_no_more(bench: Bench) -> None:
    """When the second provider cannot answer a lookup either, the third is not asked."""
    bench.devino.lookup_states[NUMBER] = 4
    bench.affiliate.outcomes[NUMBER] = "failed"
    async with bench.router("devino", "affiliate", "smstele") as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (receipt.state, path(receipt)) == (State.FAILED, ("devino", "affiliate"))


async def test_a_lookup_that_used_up_its_attempts_is_not_asked_again(bench: Bench) -> None:
    """The second opinion comes out of the same budget as everything else."""
    bench.devino.lookup_states[NUMBER] = 4
    async with bench.router("devino", "affiliate", max_attempts=1) as table:
        (receipt,) = await table.send(HlrLookup(NUMBER))
    assert (receipt.state, path(receipt)) == (State.FAILED, ("devino",))
