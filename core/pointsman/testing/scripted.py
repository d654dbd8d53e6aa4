"""A provider that can do whatever a test of a router needs, and nothing unless it is asked for."""

from collections.abc import Hashable
from datetime import timedelta
from decimal import Decimal

from pointsman.events import Operation
from pointsman.message import Channel, HlrLookup, Money, Sms
from pointsman.outcome import Accepted, Fault, Outcome, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Absent,
    Balance,
    BalanceReading,
    Batch,
    Callback,
    CallbackReading,
    ChannelLimits,
    Each,
    FaultRow,
    LoginReading,
    LogsIn,
    Polling,
    PollReading,
    Polls,
    Profile,
    Provider,
    ProviderPlugin,
    Reading,
    ReceivesCallbacks,
    ReconcileReading,
    Reconciles,
    Reconciling,
    Request,
    Response,
    Secret,
    Session,
    SessionExpired,
    Submission,
    SubmitReading,
    TellsBalance,
    Tracked,
    Whole,
)
from pointsman.testing.asked import ScriptedPrices, ScriptedQuestions, windows_of
from pointsman.testing.news import is_sound, report_of
from pointsman.testing.settings import Reconcile, ScriptedSettings
from pointsman.testing.wire import UNREADABLE, Answer, Item, Question, Verdict, post, read_answer, read_scripted


class Scripted(Provider, ScriptedQuestions, LogsIn, Polls, Reconciles, ReceivesCallbacks):
    """One account at a `ScriptedSandbox`. Takes all three channels, unless its settings name fewer."""

    def __init__(self, settings: ScriptedSettings) -> None:
        self._settings = settings
        limits = ChannelLimits(
            batch=settings.bulk,
            one_per_recipient=settings.one_per_recipient,
            repeat_safe=settings.reconcile is Reconcile.REPEAT,
            flash=settings.flash,
            schedules=settings.schedules,
            schedules_local=settings.schedules_local,
            resends=settings.resends,
        )
        polling = Polling(batch=settings.poll_bulk, by_reference=settings.by_reference)
        rule = Reconciling(repeats=settings.reconcile is Reconcile.REPEAT, settle=settings.settle)
        self.profile = Profile(
            channels=dict.fromkeys(settings.channels, limits),
            faults=tuple(FaultRow(code=fault, name=fault, fault=fault, http=200) for fault in Fault),
            polling=dict.fromkeys(settings.channels, polling) if settings.tells_reports else {},
            reconciling=dict.fromkeys(settings.channels, rule) if settings.reconcile is not Reconcile.NONE else {},
            currency=settings.currency,
            account=Secret(settings.account),
            inbox=windows_of(settings) if settings.reads_inbox else None,
            statistics=windows_of(settings) if settings.tells_statistics else None,
        )

    def needs_session(self, operation: Operation, channel: Channel | None) -> bool:
        """Say whether the account was set up with a login."""
        del operation, channel
        return self._settings.needs_login

    def batch_key(self, submission: Submission) -> Hashable | None:
        """Everything of one channel may travel together."""
        del submission
        return "all" if self._settings.bulk > 1 else None

    # -- session -------------------------------------------------------------------------------------------------------

    def login_request(self) -> Request:
        """Ask for a session."""
        return post("login", Question(), None)

    def read_login(self, response: Response) -> LoginReading:
        """Read the session."""
        answer = read_scripted(response, Operation.LOGIN)
        if isinstance(answer, Refused):
            return Reading(answer)
        if not isinstance(answer, Answer) or answer.session is None:
            return Reading(_NONSENSE)
        return Reading(Session(token=Secret(answer.session), valid_for=timedelta(seconds=answer.valid_for)))

    def _question(self, batch: Batch) -> Question:
        return Question(
            channel=batch.channel,
            batch=batch.ref,
            once=self._settings.reconcile is Reconcile.REPEAT,
            items=tuple(map(_item, batch.items)),
        )

    # -- submit --------------------------------------------------------------------------------------------------------

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Send a batch."""
        return post("submit", self._question(batch), session)

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read one verdict per message, or one for all of them."""
        answer = read_scripted(response, Operation.SUBMIT)
        if isinstance(answer, SessionExpired):
            return Reading(answer)
        if isinstance(answer, Refused | Unknown):
            return Reading(Whole(outcome=answer, divisible=_divisible(response)))
        if len(answer.items) != len(batch.items):
            return Reading(Whole(outcome=UNREADABLE))
        return Reading(Each(tuple(self._outcome(verdict) for verdict in answer.items)))

    def _outcome(self, verdict: Verdict) -> Outcome:
        if verdict.fault is not None:
            return Refused(fault=verdict.fault, code=verdict.fault, certain=verdict.certain)
        return self._taken(verdict) or UNREADABLE

    def _taken(self, verdict: Verdict) -> Accepted | None:
        if verdict.id is None:
            return None
        price = Money(Decimal(verdict.price), self._settings.currency) if verdict.price is not None else None
        return Accepted(ids=(verdict.id,), duplicate=verdict.duplicate, price=price)

    # -- reconcile -----------------------------------------------------------------------------------------------------

    def reconcile_request(self, sent: Batch, session: Session | None) -> Request:
        """Ask for the references, or repeat the submit."""
        path = "repeat" if self._settings.reconcile is Reconcile.REPEAT else "reconcile"
        return post(path, self._question(sent), session)

    def read_reconcile(self, sent: Batch, response: Response) -> ReconcileReading:
        """Read what became of each message; a refusal of a repeat says nothing about the first request."""
        answer = read_scripted(response, Operation.RECONCILE)
        if isinstance(answer, Refused | SessionExpired):
            return Reading(answer)
        if isinstance(answer, Unknown) or len(answer.items) != len(sent.items):
            return Reading((UNREADABLE,) * len(sent.items))
        return Reading(tuple(self._finding(verdict) for verdict in answer.items))

    def _finding(self, verdict: Verdict) -> Accepted | Absent | Unknown:
        if verdict.fault is not None:
            return Unknown(reason=UnknownReason.GATEWAY, code=verdict.fault, detail="the repeat was refused")
        return self._taken(verdict) or Absent()

    # -- reports -------------------------------------------------------------------------------------------------------

    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Ask about ids, and by our reference where there are none."""
        ids = tuple(provider_id for one in tracked for provider_id in one.ids)
        refs = tuple(one.ref for one in tracked if not one.ids)
        return post("poll", Question(channel=tracked[0].channel, ids=ids, refs=refs), session)

    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read reports about what was asked for."""
        answer = read_scripted(response, Operation.POLL)
        if isinstance(answer, Refused | SessionExpired):
            return Reading(answer)
        if isinstance(answer, Unknown):
            return Reading(_NONSENSE)
        asked = {provider_id for one in tracked for provider_id in one.ids}
        refs = {one.ref for one in tracked if not one.ids}
        return Reading(tuple(report_of(news) for news in answer.reports if news.id in asked or news.ref in refs))

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read reports that the sandbox pushes: the body of an answer to a poll. What is none is left out."""
        answer = read_answer(callback.body)
        return Reading(tuple(map(report_of, filter(is_sound, answer.reports))) if answer is not None else ())


class ScriptedPrepaid(Scripted, TellsBalance):
    """The same for an account that tells its balance."""

    def balance_request(self, session: Session | None) -> Request:
        """Ask for the balance."""
        return post("balance", Question(), session)

    def read_balance(self, response: Response) -> BalanceReading:
        """Read the amount; an answer without one is "not told"."""
        answer = read_scripted(response, Operation.BALANCE)
        if isinstance(answer, Refused | SessionExpired):
            return Reading(answer)
        if isinstance(answer, Unknown):
            return Reading(_NONSENSE)
        told = answer.balance
        return Reading(Balance(Money(Decimal(told), self._settings.currency) if told is not None else None))


class ScriptedListed(Scripted, ScriptedPrices):
    """The same for an account that tells its price list."""


class ScriptedOpen(ScriptedPrepaid, ScriptedPrices):
    """The same for one that tells both."""


def _build(settings: ScriptedSettings) -> Provider:
    if settings.tells_prices:
        return ScriptedOpen(settings) if settings.tells_balance else ScriptedListed(settings)
    return ScriptedPrepaid(settings) if settings.tells_balance else Scripted(settings)


SCRIPTED = ProviderPlugin(
    name="scripted",
    settings=ScriptedSettings,
    build=_build,
    sandbox="pointsman.testing.sandbox:ScriptedSandbox",
)
"""The plugin; pass it to `load_plugins` or `Router.from_toml(plugins=…)`. It is installed nowhere."""

_NONSENSE = Refused(fault=Fault.UNAVAILABLE, code="unreadable")


def _item(submission: Submission) -> Item:
    message, segments, ttl = submission.message, submission.segments, submission.ttl
    return Item(
        ref=submission.ref,
        to=submission.to,
        text="" if isinstance(message, HlrLookup) else message.text,
        sender=submission.sender,
        segments=segments.count if segments is not None and isinstance(message, Sms) else 1,
        ttl=ttl.total_seconds() if ttl is not None else None,
        flash=isinstance(message, Sms) and message.flash,
        send_at=submission.send_at,
        send_at_local=submission.send_at_local,
        resend=submission.resend,
    )


def _divisible(response: Response) -> bool:
    answer = read_answer(response.body)
    return answer is not None and answer.divisible
