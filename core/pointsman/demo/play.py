"""Performs the script: arms faults, sends the messages of each step, waits, and keeps what came of every message."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from random import Random
from typing import assert_never

from pointsman.demo.cases import Case
from pointsman.demo.script import (
    Act,
    Arm,
    Disarm,
    Drain,
    Expire,
    Phase,
    Restart,
    Send,
    Settled,
    Stop,
    TopUp,
)
from pointsman.demo.stage import Stage
from pointsman.engine.status import ProviderStatus
from pointsman.errors import InvalidMessage
from pointsman.message import Channel
from pointsman.outcome import Receipt
from pointsman.router import Router
from pointsman.routing.breaker import BreakerState

LOOK_EVERY = 0.05
"""Seconds between two looks at something that is waited for."""


class Player:
    """One performance.

    State: the messages on their way, the receipts by the names of the cases, and which were refused before routing.
    """

    def __init__(
        self, router: Router, stage: Stage, cases: Iterable[Case], random: Random, phase: Callable[[str], None]
    ) -> None:
        self._router = router
        self._stage = stage
        self._random = random
        self._phase = phase
        self._cases: dict[str, list[Case]] = {}
        for case in cases:
            self._cases.setdefault(case.step, []).append(case)
        self._sending: set[asyncio.Task[None]] = set()
        self.receipts: dict[str, Receipt] = {}
        self.invalid: set[str] = set()

    async def play(self, script: Iterable[Act]) -> None:
        """Perform every act, one after the other."""
        for act in script:
            await self._perform(act)

    async def conclude(self) -> Mapping[str, Receipt]:
        """Stop waiting; return the receipts as they are now."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        for name, receipt in self.receipts.items():
            self.receipts[name] = await self._router.receipt(receipt.id) or receipt
        return self.receipts

    async def _perform(self, act: Act) -> None:
        match act:
            case Phase(title):
                self._phase(title)
            case Arm(provider, rules):
                self._stage.sandboxes[provider].faults.clear()
                self._stage.sandboxes[provider].faults.add(*rules)
            case Disarm():
                for sandbox in self._stage.sandboxes.values():
                    sandbox.faults.clear()
            case Send(step):
                await self._send(step)
            case Settled():
                await self._settled()
            case Expire(provider):
                self._stage.expire_sessions(provider)
            case Drain(provider, left):
                self._stage.drain(provider, left)
            case TopUp(provider, amount):
                await self._top_up(provider, amount)
            case Stop(provider):
                await self._stage.stop(provider)
            case Restart(provider):
                await self._stage.restart(provider)
                await self._may_be_tried(provider)
            case _:
                assert_never(act)

    async def _send(self, step: str) -> None:
        cases = list(self._cases.get(step, ()))
        self._random.shuffle(cases)
        tasks = {asyncio.create_task(self._send_one(case), name=case.name): case for case in cases}
        self._sending.update(tasks)
        texts = [task for task, case in tasks.items() if case.channel is not Channel.HLR]
        if texts:
            await asyncio.wait(texts)

    async def _send_one(self, case: Case) -> None:
        try:
            self.receipts[case.name] = await self._router.send(case.message)
        except InvalidMessage:
            self.invalid.add(case.name)

    async def _settled(self) -> None:
        await asyncio.gather(*self._sending)
        for name, receipt in self.receipts.items():
            self.receipts[name] = await self._router.wait(receipt.id)

    async def _top_up(self, provider: str, amount: Decimal) -> None:
        self._stage.sandboxes[provider].account.top_up(amount)
        while True:
            # More than once, because an answer to an earlier question may overtake and say that there is nothing.
            await self._router.read_balances()
            status = self._status(provider)
            if not status.rests and status.available is not None and status.available.amount > 0:
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _may_be_tried(self, provider: str) -> None:
        while any(cell.state is BreakerState.OPEN for cell in self._status(provider).open_cells):  # noqa: ASYNC110 - time ends a rest
            await asyncio.sleep(LOOK_EVERY)

    def _status(self, provider: str) -> ProviderStatus:
        return next(status for status in self._router.providers() if status.name == provider)
