"""Devino: what it can do, which request does it, and what the answers mean."""

from collections.abc import Hashable
from datetime import timedelta

from pointsman.message import Channel, HlrLookup, Money, Sms, Viber
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Balance,
    BalanceReading,
    Batch,
    InboxReading,
    LoginReading,
    LogsIn,
    Oddity,
    Operation,
    PollReading,
    Polls,
    Provider,
    Reading,
    ReadsInbox,
    Request,
    Response,
    Secret,
    Session,
    SessionExpired,
    StatisticsReading,
    Submission,
    SubmitReading,
    TellsBalance,
    TellsStatistics,
    Tracked,
    Whole,
    Window,
)
from pointsman_devino import requests, wire
from pointsman_devino.faults import UNREADABLE, judge, refusal
from pointsman_devino.figures import read_figures
from pointsman_devino.incoming import read_incoming
from pointsman_devino.profile import profile_of
from pointsman_devino.reports import lookup_reports, segment_report, viber_report
from pointsman_devino.settings import HlrAuth, Settings
from pointsman_devino.sharing import share

SESSION_LIFE = timedelta(minutes=120)
SESSION_LENGTH = 36
"""Characters of a session id, says the document; another length is only odd."""


class Devino(Provider, LogsIn, Polls, TellsBalance, ReadsInbox, TellsStatistics):
    """One Devino account.

    A submit without an answer can never be cleared up: the API takes no reference of ours and lists nothing.
    """

    def __init__(self, settings: Settings) -> None:
        for name, secret in (("login", settings.login), ("password", settings.password)):
            if not secret:
                raise ValueError(f"{name} is empty: give what Devino issued with the account")
        self._settings = settings
        self.profile = profile_of(settings)

    # -- session -------------------------------------------------------------------------------------------------------

    def needs_session(self, operation: Operation, channel: Channel | None) -> bool:
        """Say whether a call carries the session: all do, but the login itself and lookups that send the password."""
        if operation is Operation.LOGIN:
            return False
        return not (channel is Channel.HLR and self._settings.hlr_auth is HlrAuth.PASSWORD)

    def login_request(self) -> Request:
        """Ask for a session."""
        return requests.login(self._settings)

    def read_login(self, response: Response) -> LoginReading:
        """Read the session id; it is opaque and good for two hours."""
        body = wire.read_body(response.body)
        verdict = judge(body, response, Operation.LOGIN, session=False)
        if verdict is not None:
            match refusal(verdict):
                case Refused() as refused:
                    return Reading(refused, body.lenient, verdict.oddities)
                case SessionExpired(code=code, detail=detail):  # no row of the table says so: a login has no session
                    return Reading(Refused(fault=Fault.CREDENTIALS, code=code, detail=detail), body.lenient)
        token = wire.read_token(body)
        if token is None:
            return Reading(UNREADABLE, body.lenient)
        odd = () if len(token) == SESSION_LENGTH else (Oddity.SESSION_LENGTH,)
        return Reading(Session(token=Secret(token), valid_for=SESSION_LIFE), body.lenient or not body.is_json, odd)

    # -- submit --------------------------------------------------------------------------------------------------------

    def batch_key(self, submission: Submission) -> Hashable | None:
        """Join equal texts of one sender, life time and date in a bulk, Viber messages likewise, and all lookups."""
        match submission.message:
            case Sms(text=text):
                local = submission.send_at_local is not None
                at = requests.send_date(submission)
                return Channel.SMS, text, submission.sender, requests.minutes(submission.ttl), local, at
            case Viber(text=text) as viber:
                validity = requests.viber_minutes(submission, viber)
                return Channel.VIBER, text, submission.sender, validity, submission.resend
            case HlrLookup():
                return (Channel.HLR,)

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Send one message, one text to several numbers, or several lookups."""
        first = batch.items[0]
        match first.message:
            case Sms() as sms if len(batch.items) == 1:
                return requests.send(first, sms, session)
            case Sms() as sms:
                return requests.send_bulk(batch.items, sms, session)
            case HlrLookup():
                return requests.hlr_bulk(batch.items, self._settings.hlr_validity, self._hlr_access(session))
            case Viber() as viber if self._settings.viber:
                return requests.viber(batch.items, viber, session)
            case Viber():
                raise ValueError("Devino's document announces Viber without describing it; set viber = true to use it")

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read the ids. Their list is a success whatever the status; an answer that is nothing at all is unknown."""
        body = wire.read_body(response.body)
        ids = wire.read_ids(body)
        if ids is not None:
            value, oddities = share(batch, ids)
            return Reading(value, body.lenient, oddities)
        session = self.needs_session(Operation.SUBMIT, batch.channel)
        viber = batch.channel is Channel.VIBER
        verdict = judge(body, response, Operation.SUBMIT, session=session, viber=viber)
        if verdict is None:
            unreadable = Unknown(reason=UnknownReason.UNREADABLE, detail="neither a list of ids nor an error")
            return Reading(Whole(outcome=unreadable), body.lenient)
        match verdict.outcome:
            case SessionExpired() as expired:
                return Reading(expired, body.lenient)
            case Refused() | Unknown() as outcome:
                whole = Whole(outcome=outcome, divisible=verdict.divisible and len(batch.items) > 1)
                return Reading(whole, body.lenient, verdict.oddities)

    def _hlr_access(self, session: Session | None) -> requests.HlrAccess:
        match self._settings.hlr_auth:
            case HlrAuth.SESSION:
                return requests.in_session(session)
            case HlrAuth.PASSWORD:
                return requests.with_password(self._settings)

    # -- reports -------------------------------------------------------------------------------------------------------

    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Ask for one segment of an SMS or one Viber message (`Polling.batch` is 1), or for several lookups."""
        first = tracked[0]
        match first.channel:
            case Channel.SMS:
                return requests.sms_state(first.ids[0], session)
            case Channel.VIBER:
                return requests.viber_state(first.ids[0], session)
            case Channel.HLR:
                ids = (message_id for lookup in tracked for message_id in lookup.ids)
                return requests.hlr_state(ids, self._hlr_access(session))

    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read states: by their numbers, whatever the texts beside them say."""
        body = wire.read_body(response.body)
        channel = tracked[0].channel
        answered = self._read_states(tracked, body)
        if answered is not None:
            return answered
        session = self.needs_session(Operation.POLL, channel)
        verdict = judge(body, response, Operation.POLL, session=session, viber=channel is Channel.VIBER)
        if verdict is None:
            return Reading(UNREADABLE, body.lenient)
        return Reading(refusal(verdict), body.lenient, verdict.oddities)

    def _read_states(self, tracked: tuple[Tracked, ...], body: wire.Body) -> PollReading | None:
        first, currency = tracked[0], self._settings.currency
        match first.channel:
            case Channel.SMS if (segment := wire.read_sms_state(body)) is not None:
                report, oddities = segment_report(first.ids[0], segment, currency)
                return Reading((report,), body.lenient, oddities)
            case Channel.VIBER if (answer := wire.read_viber_state(body)) is not None:
                report, oddities = viber_report(first, answer, currency)
                return Reading((report,), body.lenient, oddities)
            case Channel.HLR if (answers := wire.read_hlr_states(body)) is not None:
                reports, oddities = lookup_reports(tracked, answers)
                return Reading(reports, body.lenient, oddities)
            case _:
                return None

    # -- balance -------------------------------------------------------------------------------------------------------

    def balance_request(self, session: Session | None) -> Request:
        """Ask for the balance."""
        return requests.balance(session)

    def read_balance(self, response: Response) -> BalanceReading:
        """Read the amount. The document's own example has no body: that is "not told", never zero."""
        body = wire.read_body(response.body)
        verdict = judge(body, response, Operation.BALANCE, session=True)
        if verdict is not None:
            return Reading(refusal(verdict), body.lenient, verdict.oddities)
        if wire.says_nothing(body):
            return Reading(Balance(None))
        amount = wire.read_balance(body)
        if amount is None:
            return Reading(UNREADABLE, body.lenient)
        return Reading(Balance(Money(amount, self._settings.currency)), body.lenient or not body.is_json)

    # -- inbox and figures ---------------------------------------------------------------------------------------------

    def inbox_request(self, window: Window, session: Session | None) -> Request:
        """Ask for the messages that came within a window."""
        return requests.incoming(window, session)

    def read_inbox(self, window: Window, response: Response) -> InboxReading:
        """Read the messages. An answer that speaks of an error is one, even with a list: an empty one would pass."""
        del window
        body = wire.read_body(response.body)
        verdict = judge(body, response, Operation.INBOX, session=True)
        if verdict is not None:
            return Reading(refusal(verdict), body.lenient, verdict.oddities)
        messages = read_incoming(body)
        return Reading(UNREADABLE if messages is None else messages, body.lenient)

    def statistics_request(self, window: Window, session: Session | None) -> Request:
        """Ask for the figures of a window of at most 90 days."""
        return requests.statistics(window, session)

    def read_statistics(self, window: Window, response: Response) -> StatisticsReading:
        """Read the figures as they are: what they count is not defined, and some contradict each other."""
        del window
        body = wire.read_body(response.body)
        verdict = judge(body, response, Operation.STATISTICS, session=True)
        if verdict is not None:
            return Reading(refusal(verdict), body.lenient, verdict.oddities)
        figures = read_figures(body)
        return Reading(UNREADABLE if figures is None else figures, body.lenient)
