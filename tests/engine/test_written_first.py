"""What is written down of an attempt is what its provider can be asked about: references and time."""

import msgspec

from pointsman.events import Operation
from pointsman.outcome import Accepted, Fault, Refused, Unknown
from pointsman.plugin import Batch, ProviderPlugin, Reading, Response, Resubmit
from pointsman.plugin.interface import SubmitReading
from pointsman.sandbox import Action, FaultRule
from pointsman.store import MemoryStore
from pointsman.store.change import Begin, Change, Intent
from pointsman.store.record import Record
from pointsman.testing import FakeClock, Scripted, ScriptedSandbox, ScriptedSettings, hang, hang_up, refuse

from .rig import account, routing, sending, sms


class Renaming(Scripted):
    """A provider that wants other references after a refusal."""

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Repeat a refused request under other references."""
        reading = super().read_submit(batch, response)
        value = getattr(reading.value, "outcome", None)
        if not isinstance(value, Refused) or batch.ref.endswith("x"):
            return reading
        items = tuple(msgspec.structs.replace(item, ref=f"{item.ref}x") for item in batch.items)
        other = msgspec.structs.replace(batch, ref=f"{batch.ref}x", items=items)
        return Reading(Resubmit(request=self.submit_request(other, None), batch=other, reason=value))


RENAMING = ProviderPlugin(name="renaming", settings=ScriptedSettings, build=Renaming)


class Watched(MemoryStore):
    """A store that remembers which attempts began."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Intent] = []

    async def apply(self, message_id: str, change: Change, now: float) -> tuple[Record, Record]:
        """Apply a change."""
        if isinstance(change, Begin):
            self.begun.append(change.intent)
        return await super().apply(message_id, change, now)


async def test_the_references_that_travel_are_written_down(clock: FakeClock, box: ScriptedSandbox):
    """A plugin changed them for the second request: whoever finds it open after a crash asks about that one."""
    box.script(refuse(Fault.REQUEST))
    store = Watched()
    one = account(box, plugin="renaming")
    async with routing({"a": one}, clock=clock, plugins=[RENAMING], store=store) as rig:
        receipt = await rig.router.send(sms())
        assert isinstance(receipt.attempts[0].outcome, Accepted)
    seen = [seen.refs for seen in box.seen if seen.operation is Operation.SUBMIT]
    assert [(intent.ref,) for intent in store.begun] == seen
    first, second = store.begun
    assert (second.number, second.ref, second.call_ref) == (1, f"{first.ref}x", f"{first.call_ref}x")


async def test_a_request_that_is_cut_off_is_remembered_by_the_references_that_travelled(
    clock: FakeClock, box: ScriptedSandbox
):
    """Closing cuts the second request off: about the first one the provider would say, truly, that it is not there."""
    box.script(refuse(Fault.REQUEST), hang(taken=True))
    store = Watched()
    one = account(box, plugin="renaming")
    async with routing({"a": one}, clock=clock, plugins=[RENAMING], store=store) as rig:
        (task,) = sending(rig, sms())
        await clock.settle()
        assert len(store.begun) == 2
        await rig.router.aclose(0.05)
        (attempt,) = (await task).attempts
    assert isinstance(attempt.outcome, Unknown)
    assert (attempt.ref, attempt.call_ref) == (store.begun[1].ref, store.begun[1].call_ref)


async def test_an_attempt_in_doubt_lasts_from_its_login_to_its_end(clock: FakeClock, box: ScriptedSandbox):
    """The login took a while before the request left: the provider's time counts from the end, not from before."""
    box.script(FaultRule(action=Action.DELAY, delay=5.0, endpoint=Operation.LOGIN), hang_up(taken=False))
    async with routing({"a": account(box, needs_login=True)}, clock=clock, route={"on_unknown": "stop"}) as rig:
        began = clock.now()
        (task,) = sending(rig, sms())
        await clock.advance(4)
        assert box.ledger.calls[Operation.SUBMIT] == 0
        await clock.advance(2)
        (attempt,) = (await task).attempts
    assert isinstance(attempt.outcome, Unknown)
    assert attempt.started_at + attempt.duration >= began + 5.0
