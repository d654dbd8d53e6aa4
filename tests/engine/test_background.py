"""What goes on beside the sending: it neither takes the connections that messages need nor dies of one mishap."""

import pytest

from pointsman.events import BalanceRead, Operation
from pointsman.outcome import State
from pointsman.sandbox import delay
from pointsman.testing import FakeClock, ScriptedSandbox

from .rig import account, routing, sending, sms

POLL, SUBMIT = Operation.POLL, Operation.SUBMIT


@pytest.mark.parametrize(("places", "asked"), [(2, 1), (4, 3), (8, 4)])
async def test_slow_questions_leave_a_connection_to_messages(
    clock: FakeClock, box: ScriptedSandbox, places: int, asked: int
):
    """While a provider takes long to answer questions, a message is sent at once over the connection that is left."""
    async with routing({"a": account(box, max_in_flight=places, tells_reports=True)}, clock=clock) as rig:
        await rig.router.send_many([sms(place) for place in range(10)])
        box.script(*[delay(20.0, endpoint=POLL)] * 10)
        await clock.advance(6)
        assert box.ledger.calls[POLL] == asked
        begin = clock.now()
        (task,) = sending(rig, sms(99))
        await clock.settle()
        assert (await task).state is State.SENT
        assert [seen.at for seen in box.seen if seen.operation is SUBMIT][-1] == begin


async def test_one_connection_serves_both(clock: FakeClock, box: ScriptedSandbox):
    """A provider that allows one connection is asked for reports over it, too."""
    async with routing({"a": account(box, max_in_flight=1, tells_reports=True)}, clock=clock) as rig:
        receipt = await rig.router.send(sms())
        await clock.advance(60)
        assert (await rig.router.wait(receipt.id)).state is State.DELIVERED


async def test_a_balance_that_cannot_be_taken_over_is_read_again(clock: FakeClock, box: ScriptedSandbox):
    """Whatever is raised over one reading of the balance, the next one is made in its time."""
    keys = {"tells_balance": True, "balance_every": "60s"}
    async with routing({"a": account(box, **keys)}, clock=clock) as rig:
        ledger = rig.router._stations["a"].view.ledger
        broken = iter([True])
        read = ledger.read

        def reading(*what: object) -> None:
            if next(broken, False):
                raise ArithmeticError
            read(*what)  # type: ignore[arg-type]  # as they came

        ledger.read = reading  # type: ignore[method-assign]
        before = len(rig.told(BalanceRead))
        await clock.advance(60)
        assert len(rig.told(BalanceRead)) == before
        await clock.advance(60)
        assert len(rig.told(BalanceRead)) == before + 1
