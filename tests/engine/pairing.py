"""A router over a provider of Viber and one of SMS, for the tests of the SMS in place of a Viber message."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from pointsman.events import Operation
from pointsman.message import Fallback, Viber
from pointsman.outcome import DeliveryState, Receipt
from pointsman.plugin import Callback
from pointsman.sandbox import DeliveryPlan, Fate
from pointsman.store import Store
from pointsman.testing import FakeClock, ScriptedSandbox, Step
from pointsman.testing.wire import Answer, News

from .rig import Rig, account, number, routing

LIFE = timedelta(minutes=10)
SMS_STARTS = 690.0
"""Seconds after a Viber message may leave when silence starts its SMS: its life and the margin."""
BEFORE_IT = 0.5


def viber(place: int = 0, *, ttl: timedelta | None = LIFE, fallback: Fallback | None = None, **fields: Any) -> Viber:
    """Return a Viber message with an SMS in its place."""
    return Viber(to=number(place), text="hello", ttl=ttl, fallback=fallback or Fallback(), **fields)


class Pair(msgspec.Struct, frozen=True):
    """A router over a provider of Viber and one of SMS."""

    rig: Rig
    clock: FakeClock
    viber: ScriptedSandbox
    sms: ScriptedSandbox

    @property
    def sent(self) -> int:
        """How many SMS the provider took."""
        return len(self.sms.ledger.messages)

    @property
    def asked(self) -> list[float]:
        """When the provider of SMS was asked to send one: seconds after the first request for the Viber message."""
        start = self.viber.seen[0].at
        return [round(seen.at - start, 1) for seen in self.sms.seen if seen.operation is Operation.SUBMIT]

    async def report(self, state: DeliveryState, provider_id: str = "m1", **more: Any) -> None:
        """Let the provider of Viber report about its first message."""
        news = News(id=provider_id, state=state, final=state is not DeliveryState.SENT, **more)
        body = msgspec.json.encode(Answer(reports=(news,)))
        await self.rig.router.callback("v", Callback(method="POST", body=body))

    async def receipt(self, receipt: Receipt) -> Receipt:
        """Return the receipt as it is now."""
        found = await self.rig.router.receipt(receipt.id)
        assert found is not None
        return found

    async def ended(self, receipt: Receipt) -> Receipt:
        """Wait for the whole, which must be over already."""
        return await asyncio.wait_for(self.rig.router.wait(receipt.id), 5)


@asynccontextmanager
async def pair(
    clock: FakeClock,
    *steps: Step,
    fate: Fate = Fate.STUCK,
    sms_fate: Fate = Fate.DELIVERED,
    polls: bool = False,
    store: Store | None = None,
    policy: dict[str, Any] | None = None,
    route: Mapping[str, Any] = MappingProxyType({}),
    sms_keys: Mapping[str, Any] = MappingProxyType({}),
    **keys: Any,
) -> AsyncIterator[Pair]:
    """Run the two; `steps` and `keys` are of the Viber provider, which reports by callback unless it `polls`."""
    first = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={fate: 1.0}))
    second = ScriptedSandbox(clock=clock, delivery=DeliveryPlan(messages={sms_fate: 1.0}))
    first.script(*steps)
    accounts = {
        "v": account(first, **{"channels": ["viber"], "tells_reports": polls, **keys}),
        "s": account(second, **{"channels": ["sms"], "tells_reports": True, **sms_keys}),
    }
    async with routing(accounts, clock=clock, route=route, policy=policy, store=store) as rig:
        yield Pair(rig, clock, first, second)
