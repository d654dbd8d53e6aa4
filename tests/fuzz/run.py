"""One run: requests of every kind against both listeners, and after every batch a look at all that was shown."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pointsman.daemon.endpoint import Listener
from pointsman.outcome import Accepted

from .checks import Paper, leaks, problems, traces
from .likely import Fate
from .requests import Maker
from .wire import Answer, Hangup, Request, Wire
from .world import ADMIN_KEY, World, world

WIRES = 8
LEARNT = 0.05
"""How often it is asked which providers took the latest messages."""
CALLERS = frozenset({"affiliate_hlr", "scripted"})
"""Providers that call back."""
BATCH = 1000
"""Requests between two looks at log, metrics and standard error."""
ADMIN_SHARE = 8
"""One connection out of so many speaks to the listener of operators."""
MOST_FINDINGS = 50


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done."""

    seed: int
    requests: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    requests: int
    broken: int
    """Requests that were no HTTP."""
    callbacks: int
    posts: int
    """Requests with POST that were HTTP."""
    taken: int
    """Those of them that were answered with 2xx."""
    orders: int
    """Posts of messages and lookups that were taken; repeats under a key included."""
    arrays: int
    """Those of them that were of several messages."""
    cancelled: int
    """DELETE of a message that was answered with 202."""
    messages: dict[str, int]
    """Messages that were taken, by channel."""
    reported: dict[str, int]
    """Reports that told something new of a message, by provider: callbacks, and answers to questions."""
    statuses: dict[str, int]
    hangups: int
    """Connections that were closed without an answer; only for what is no HTTP."""
    looked_at: int
    """Characters of log, events, metrics and problem documents that were searched."""
    findings: tuple[str, ...]


class Run:
    """A run that goes on. State: what was counted and found, and the latest messages."""

    def __init__(self, plan: Plan, scene: World) -> None:
        self._plan = plan
        self._scene = scene
        self._papers = {listener: Paper(listener) for listener in Listener}
        self._ids: deque[str] = deque(maxlen=50)
        self._fates: deque[Fate] = deque(maxlen=200)
        self._left = 0
        self.statuses: Counter[str] = Counter()
        self.requests = self.broken = self.callbacks = self.hangups = self.looked_at = 0
        self.posts = self.taken = self.orders = self.arrays = self.cancelled = 0
        self.findings: dict[str, str] = {}

    async def perform(self) -> Verdict:
        """Send everything, batch by batch."""
        makers = [Maker(self._plan.seed * 1000 + place) for place in range(WIRES)]
        while self.requests < self._plan.requests and len(self.findings) < MOST_FINDINGS:
            self._left = min(BATCH, self._plan.requests - self.requests)
            await asyncio.gather(*(self._talk(maker, place) for place, maker in enumerate(makers)))
            await self._look()
        return Verdict(
            requests=self.requests,
            broken=self.broken,
            callbacks=self.callbacks,
            posts=self.posts,
            taken=self.taken,
            orders=self.orders,
            arrays=self.arrays,
            cancelled=self.cancelled,
            messages=dict(sorted(self._scene.shown.taken.items())),
            reported=dict(sorted(self._scene.shown.told.items())),
            statuses=dict(sorted(self.statuses.items())),
            hangups=self.hangups,
            looked_at=self.looked_at,
            findings=tuple(f"{what} {request}" for what, request in self.findings.items()),
        )

    async def _talk(self, maker: Maker, place: int) -> None:
        is_admin = place % ADMIN_SHARE == ADMIN_SHARE - 1
        ear = self._scene.service.admin if is_admin else self._scene.service.public
        async with Wire(ear.address.host, ear.address.port) as wire:
            while self._left > 0:
                self._left -= 1
                if maker.random.random() < LEARNT:
                    await self._learn()
                request = maker.request(self._ids, self._fates, is_admin=is_admin)
                await self._try(wire, request, self._papers[Listener.ADMIN if is_admin else Listener.PUBLIC])

    async def _learn(self) -> None:
        """Learn under which ids providers know the latest messages, so that they can call back about them."""
        for message_id in tuple(self._ids)[-10:]:
            receipt = await self._scene.service.router.receipt(message_id)
            for attempt in receipt.attempts if receipt is not None else ():
                outcome = attempt.outcome
                for one in outcome.ids if isinstance(outcome, Accepted) else ():
                    fate = Fate(
                        message_id=message_id,
                        provider=attempt.provider,
                        provider_id=one,
                        ref=attempt.ref,
                        to=receipt.to,
                    )
                    if attempt.provider in CALLERS and fate not in self._fates:
                        self._fates.append(fate)

    async def _try(self, wire: Wire, request: Request, paper: Paper) -> None:
        self.requests += 1
        self.broken += request.broken
        self.callbacks += b"/v1/callbacks/" in request.target
        try:
            answer = await wire.ask(request)
        except Hangup as error:
            self.hangups += 1
            if not request.broken:
                self._note(request, f"no answer: {error}")
            return
        except TimeoutError:
            self.hangups += 1
            if not request.broken:
                self._note(request, "no answer in time")
            return
        self._check(paper, request, answer)

    def _check(self, paper: Paper, request: Request, answer: Answer) -> None:
        self.statuses[f"{answer.status}"] += 1
        self._count(request, answer)
        for problem in problems(paper, request, answer):
            self._note(request, problem)
        if answer.status >= 400 and not (request.broken and answer.media == "text/plain"):
            shown = answer.body.decode("utf-8", "replace")
            self.looked_at += len(shown)
            for leak in leaks(shown, self._scene.secrets):
                self._note(request, f"the answer {answer.status} {leak}")

    def _count(self, request: Request, answer: Answer) -> None:
        """Count what was taken, and remember the messages."""
        is_taken = 200 <= answer.status < 300
        self.cancelled += request.method == b"DELETE" and is_taken
        if request.method != b"POST" or request.broken:
            return
        self.posts += 1
        self.taken += is_taken
        if answer.status == 202 and answer.body:
            told = msgspec.json.decode(answer.body)
            is_array = isinstance(told, list)
            self.orders += 1
            self.arrays += is_array
            several = told if is_array else [told]
            self._ids.extend(one["id"] for one in several)

    async def _look(self) -> None:
        """Search all that was shown."""
        ear = self._scene.service.admin.address
        headers = ((b"Host", b"localhost"), (b"Authorization", b"Bearer " + ADMIN_KEY.encode()))
        async with Wire(ear.host, ear.port) as wire:
            metrics = await wire.ask(Request(method=b"GET", target=b"/metrics", headers=headers))
        texts = self._scene.shown.drained() | {"metrics": metrics.body.decode(), "repr": "\n".join(self._reprs())}
        texts["receipts"] = "\n".join([repr(await self._scene.service.router.receipt(one)) for one in self._ids])
        for place, text in texts.items():
            self.looked_at += len(text)
            for problem in (*leaks(text, self._scene.secrets), *traces(text)):
                self._note(None, f"{place} {problem}")

    def _reprs(self) -> Iterator[str]:
        service = self._scene.service
        for one in (service, service.house, service.house.posture, service.router, service.company, service._config):
            yield repr(one)
        yield from map(repr, (service.router.providers(), service.company.guard.usage(), service.router.store))

    def _note(self, request: Request | None, problem: str) -> None:
        """Keep the first request of each kind of problem."""
        key = problem[:160]
        if key not in self.findings and len(self.findings) < MOST_FINDINGS:
            said = "" if request is None else f" <- {request.encoded()[:600]!r}"
            self.findings[key] = f"{problem[160:]}{said}"


async def perform(plan: Plan, folder: Path) -> Verdict:
    """Carry a plan out in an empty folder."""
    async with world(folder) as scene:
        run = Run(plan, scene)
        return await run.perform()
