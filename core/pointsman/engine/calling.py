"""Calls to one provider: a session, an exchange, a reading, and exactly one `Called` event for each request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from pointsman.clock import Clock
from pointsman.engine.bus import Bus
from pointsman.engine.guard import Broke, Guard
from pointsman.engine.sessions import Sessions
from pointsman.engine.soundness import is_reading, is_refusal, is_session
from pointsman.events import Called, CallOutcome, Operation
from pointsman.message import Channel, Money, Msisdn
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import LogsIn, Provider, Reading, Request, Response, Session, SessionExpired
from pointsman.transport import Failure, FailureReason, Progress, Transport

T = TypeVar("T")
U = TypeVar("U")

BACKGROUND = frozenset(Operation) - {Operation.SUBMIT, Operation.LOGIN}
"""What can wait; it never takes all connections, so that messages do not queue behind questions."""


_BUILDING = {operation: f"building {operation}" for operation in Operation}
_READING = {operation: f"reading {operation}" for operation in Operation}
"""What a plugin does in a call, in the words of its breaches."""


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What a call is about, for those who watch it."""

    channel: Channel | None = None
    message_ids: tuple[str, ...] = ()
    to: tuple[Msisdn, ...] = ()
    attempt: int | None = None
    decision_id: str | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """How a reading counts: the label of the call, and the fault and code behind it."""

    outcome: CallOutcome
    fault: Fault | None = None
    code: str | None = None
    detail: str = ""
    price: Money | None = None
    """What was charged, as far as it is known."""


class Plan(msgspec.Struct, Generic[T], frozen=True, kw_only=True, gc=False):
    """One kind of call: how to build the request, read the answer and judge it."""

    operation: Operation
    subject: Subject
    build: Callable[[Session | None], Request]
    read: Callable[[Response], Reading[T | SessionExpired]]
    sound: Callable[[object], bool]
    """Whether a value is one that the plugin may return."""
    judge: Callable[[T], Verdict]
    foreign: bool = False
    """It is about ids that somebody typed in; what the plugin raises over them is no breach of its contract."""


class Calls:
    """How many requests one piece of work took, for how many seconds, and how far the last of them came."""

    __slots__ = ("count", "duration", "progress")

    def __init__(self, count: int = 0, duration: float = 0.0) -> None:
        self.count = count
        self.duration = duration
        self.progress = Progress()

    def copy(self) -> "Calls":
        """Return an account that goes on from here on its own."""
        return Calls(self.count, self.duration)


class GuardedCall(Protocol):
    """How the guard calls a plugin's function."""

    def __call__(self, what: str, function: Callable[[], U], sound: Callable[[U], bool]) -> U:
        """Return what `function` returns, if that is `sound`. Raises `Broke` otherwise."""
        ...


Failed = Refused | Unknown
"""What the engine itself knows about a request that got no answer, or none that the plugin could read."""


async def _at_once() -> None:
    """Let a request leave without further ado."""


class Caller:
    """Everything that goes out to one provider goes through here.

    State: the session, the calls that are being made, and how many of the `slots` connections the operations in the
    background may take: all but one. How many requests are in flight together is the transport's limit.
    """

    def __init__(
        self, name: str, provider: Provider, transport: Transport, guard: Guard, bus: Bus, clock: Clock, *, slots: int
    ) -> None:
        self._name = name
        self._provider = provider
        self._transport = transport
        self._guard = guard
        self._bus = bus
        self._clock = clock
        self._sessions = Sessions(self._log_in, clock)
        self._needs_session: dict[tuple[Operation, Channel | None], bool] = {}
        self._background = asyncio.Semaphore(max(1, slots - 1))
        self._open = 0
        self._closed = asyncio.Event()

    async def close(self) -> None:
        """End a login that is still in flight."""
        await self._sessions.close()

    def retry(self) -> None:
        """Log in again when a session is wanted next, also where the login was refused a moment ago."""
        self._sessions.retry()

    async def log_in(self) -> Session | Refused | None:
        """Return a session, logging in where there is none; None where messages need none."""
        return await self._counted(self._sessions.get) if self._sends_with_session() else None

    def _sends_with_session(self) -> bool:
        channels = self._provider.profile.channels
        try:
            return self._guard.call(
                "needs_session",
                lambda: any(self._asks_for_session(Operation.SUBMIT, channel) for channel in channels),
                lambda value: isinstance(value, bool),
            )
        except Broke:
            return False

    @property
    def busy(self) -> bool:
        """Whether a call is being made."""
        return self._open > 0

    async def idle(self) -> None:
        """Wait until no call is being made."""
        while self._open:
            await self._closed.wait()

    async def _counted(self, work: Callable[[], Awaitable[U]]) -> U:
        self._open += 1
        self._closed.clear()
        try:
            return await work()
        finally:
            self._open -= 1
            if not self._open:
                self._closed.set()

    async def call(
        self, plan: Plan[T], calls: Calls | None = None, leaving: Callable[[], Awaitable[None]] = _at_once
    ) -> T | Failed:
        """Make a call, logging in first or again where the provider needs it; at most one repeat after "expired".

        `leaving` is awaited when everything is ready for the request to leave; what it raises keeps it here.
        """
        return await self._counted(lambda: self._admitted(plan, calls or Calls(), leaving))

    async def _admitted(self, plan: Plan[T], calls: Calls, leaving: Callable[[], Awaitable[None]]) -> T | Failed:
        if plan.operation in BACKGROUND:
            async with self._background:
                return await self._call(plan, calls, leaving)
        return await self._call(plan, calls, leaving)

    async def _call(self, plan: Plan[T], calls: Calls, leaving: Callable[[], Awaitable[None]]) -> T | Failed:
        if self._guard.quarantined:
            return Refused(fault=Fault.UNAVAILABLE, code="quarantined", detail="its plugin is out of use")
        session = await self._session_for(plan)
        if isinstance(session, Refused):
            return session
        await leaving()
        result = await self._once(plan, session, calls)
        if not isinstance(result, SessionExpired):
            return result
        if session is not None:
            self._sessions.expired(session)
            session = await self._session_for(plan)
            if isinstance(session, Refused):
                return session
            await leaving()
            result = await self._once(plan, session, calls)
        if isinstance(result, SessionExpired):
            return Refused(fault=Fault.CREDENTIALS, code=result.code, detail=result.detail)
        return result

    async def _session_for(self, plan: Plan[T]) -> Session | Refused | None:
        what = plan.operation, plan.subject.channel
        needed = self._needs_session.get(what)
        if needed is None:
            try:
                needed = self._needs_session[what] = self._guard.call(
                    "needs_session", lambda: self._asks_for_session(*what), lambda value: isinstance(value, bool)
                )
            except Broke as broke:
                return _broken(broke)
        return await self._sessions.get() if needed else None

    def _asks_for_session(self, operation: Operation, channel: Channel | None) -> bool:
        provider = self._provider
        return isinstance(provider, LogsIn) and provider.needs_session(operation, channel)

    async def _log_in(self) -> Session | Refused:
        provider = self._provider
        if not isinstance(provider, LogsIn):
            return Refused(fault=Fault.REQUEST, detail="the plugin offers no login")
        plan: Plan[Session | Refused] = Plan(
            operation=Operation.LOGIN,
            subject=Subject(),
            build=lambda _: provider.login_request(),
            read=provider.read_login,
            sound=lambda value: is_session(value) or is_refusal(value),
            judge=judge_read,
        )
        result = await self._once(plan, None, Calls())
        match result:
            case Session() | Refused():
                return result
            case Unknown():
                return Refused(fault=Fault.UNAVAILABLE, code=result.reason, detail="no answer to the login")
            case _:
                return Refused(fault=Fault.CREDENTIALS, code=result.code)

    async def _once(self, plan: Plan[T], session: Session | None, calls: Calls) -> T | Failed | SessionExpired:
        try:
            request = self._guarded(plan)(_BUILDING[plan.operation], lambda: plan.build(session), _is_request)
        except Broke as broke:
            return _broken(broke)
        calls.count += 1
        progress = calls.progress = Progress()
        started = self._clock.monotonic()
        try:
            exchange = await self._transport.exchange(request, progress=progress)
        except asyncio.CancelledError:
            duration = self._clock.monotonic() - started
            self._tell(plan, _unanswered(plan.operation, FailureReason.CANCELLED, progress.left), duration, progress)
            raise
        calls.duration += exchange.duration
        answer = exchange.result
        if isinstance(answer, Failure):
            failed = _unanswered(plan.operation, answer.reason, answer.left, answer.detail)
            self._tell(plan, failed, exchange.duration, progress)
            return failed
        return self._read(plan, answer, exchange.duration)

    def _read(self, plan: Plan[T], answer: Response, duration: float) -> T | Failed | SessionExpired:
        try:
            reading = self._guarded(plan)(
                _READING[plan.operation],
                lambda: plan.read(answer),
                lambda value: is_reading(value, lambda read: _is_expired(read) or plan.sound(read)),
            )
        except Broke as broke:
            failed = _unread(plan.operation, broke)
            self._emit(plan, _verdict_of(failed, plan.operation), duration, http_status=answer.status)
            return failed
        value = reading.value
        if isinstance(value, SessionExpired):
            verdict = Verdict(
                outcome=CallOutcome.REFUSED, fault=Fault.CREDENTIALS, code=value.code, detail="session expired"
            )
        else:
            verdict = plan.judge(value)
        self._emit(plan, verdict, duration, http_status=answer.status, reading=reading)
        return value

    def _guarded(self, plan: Plan[T]) -> GuardedCall:
        return self._guard.call_for_strangers if plan.foreign else self._guard.call

    def _tell(self, plan: Plan[T], failed: Failed, duration: float, progress: Progress) -> None:
        self._emit(plan, _verdict_of(failed, plan.operation), duration, left=progress.left)

    def _emit(
        self,
        plan: Plan[T],
        verdict: Verdict,
        duration: float,
        *,
        http_status: int | None = None,
        left: bool = True,
        reading: Reading[T | SessionExpired] | None = None,
    ) -> None:
        subject = plan.subject
        self._bus.emit(
            Called(
                # In the order of the fields: by keyword it takes three times as long.
                self._clock.now(),
                self._name,
                subject.channel,
                plan.operation,
                verdict.outcome,
                duration,
                left,
                verdict.fault,
                verdict.code,
                verdict.detail,
                http_status,
                subject.message_ids,
                subject.to,
                subject.attempt,
                subject.decision_id,
                verdict.price,
                reading.lenient if reading is not None else False,
                tuple(reading.oddities) if reading is not None else (),
            )
        )


def _is_request(value: object) -> bool:
    return isinstance(value, Request)


def _is_expired(value: object) -> bool:
    return isinstance(value, SessionExpired)


def judge_read(value: object) -> Verdict:
    """Judge an operation that only reads: it was answered, or refused."""
    if isinstance(value, Refused):
        return Verdict(outcome=CallOutcome.REFUSED, fault=value.fault, code=value.code, detail=value.detail)
    return Verdict(outcome=CallOutcome.ANSWERED)


_REASONS = {
    FailureReason.TIMEOUT: UnknownReason.TIMEOUT,
    FailureReason.TOO_LARGE: UnknownReason.TOO_LARGE,
    FailureReason.UNREADABLE: UnknownReason.UNREADABLE,
    FailureReason.CANCELLED: UnknownReason.CANCELLED,
}


def _unanswered(operation: Operation, reason: FailureReason, left: bool, detail: str = "") -> Failed:  # noqa: FBT001
    """Before the request has left it is a definite no; after that it is unknown, whatever the error was called."""
    if left and operation in {Operation.SUBMIT, Operation.RECONCILE}:
        return Unknown(reason=_REASONS.get(reason, UnknownReason.DISCONNECTED), code=reason.value, detail=detail)
    return Refused(fault=Fault.UNAVAILABLE, code=reason.value, detail=detail)


def _unread(operation: Operation, broke: Broke) -> Failed:
    if operation in {Operation.SUBMIT, Operation.RECONCILE}:
        return Unknown(reason=UnknownReason.PLUGIN, code="plugin", detail=str(broke))
    return Refused(fault=Fault.UNAVAILABLE, code="plugin", detail=str(broke))


def _broken(broke: Broke) -> Refused:
    return Refused(fault=Fault.UNAVAILABLE, code="plugin", detail=str(broke))


def _verdict_of(failed: Failed, operation: Operation) -> Verdict:
    if isinstance(failed, Unknown):
        return Verdict(outcome=CallOutcome.UNKNOWN, code=failed.code, detail=failed.detail)
    outcome = CallOutcome.REFUSED if operation is Operation.SUBMIT else CallOutcome.FAILED
    return Verdict(outcome=outcome, fault=failed.fault, code=failed.code, detail=failed.detail)
