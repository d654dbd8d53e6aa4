"""Devino: what it can do, which request does it, and what the answers mean."""

from collections.abc import Hashable
from datetime import timedelta

from pointsman.message import Channel, HlrLookup, Money, Sms, Viber
from pointsman.outcome import Accepted, Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Balance,
    BalanceReading,
    Batch,
    ChannelLimits,
    Each,
    LoginReading,
    LogsIn,
    Oddity,
    Operation,
    Polling,
    PollReading,
    Polls,
    Profile,
    Provider,
    Reading,
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
from pointsman_devino import requests, wire
from pointsman_devino.faults import FAULTS, UNREADABLE, judge, refusal
from pointsman_devino.reports import lookup_reports, segment_report
from pointsman_devino.settings import HlrAuth, Settings

SESSION_LIFE = timedelta(minutes=120)
SESSION_LENGTH = 36
"""Characters of a session id, says the document; another length is only odd."""
MAX_CHARACTERS = 2000
HLR_BATCH = 200
HLR_STATE_BATCH = 50
"""The answers show ASP.NET behind the API; its default limit of 2,048 characters of query holds some 60 ids."""
HLR_MARGIN = 60.0
"""Seconds that a lookup may take beyond its validity, after which it is given up."""


class Devino(Provider, LogsIn, Polls, TellsBalance):
    """One Devino account.

    A submit without an answer can never be cleared up: the API takes no reference of ours and lists nothing.
    """

    def __init__(self, settings: Settings) -> None:
        for name, secret in (("login", settings.login), ("password", settings.password)):
            if not secret:
                raise ValueError(f"{name} is empty: give what Devino issued with the account")
        self._settings = settings
        self.profile = Profile(
            channels={
                Channel.SMS: ChannelLimits(
                    max_characters=MAX_CHARACTERS,
                    batch=settings.bulk_size,
                    sender_required=True,
                    one_per_recipient=True,
                ),
                Channel.HLR: ChannelLimits(batch=HLR_BATCH, one_per_recipient=True),
            },
            faults=FAULTS,
            polling={
                Channel.SMS: Polling(batch=1),
                Channel.HLR: Polling(
                    batch=HLR_STATE_BATCH,
                    first=2.0,
                    longest=60.0,
                    give_up=settings.hlr_validity * 60.0 + HLR_MARGIN,
                ),
            },
            currency=settings.currency,
        )

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
        """Join equal texts of one sender and life time in a bulk, and all lookups."""
        match submission.message:
            case Sms(text=text):
                return Channel.SMS, text, submission.sender, requests.minutes(submission.ttl)
            case HlrLookup():
                return (Channel.HLR,)
            case Viber():
                return None

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Send one SMS, one text to several numbers, or several lookups."""
        first = batch.items[0]
        match first.message:
            case Sms() as sms if len(batch.items) == 1:
                return requests.send(first, sms, session)
            case Sms() as sms:
                return requests.send_bulk(batch.items, sms, session)
            case HlrLookup():
                return requests.hlr_bulk(batch.items, self._settings.hlr_validity, self._hlr_access(session))
            case Viber():
                raise ValueError("Devino's document announces Viber without describing it; this plugin has no Viber")

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read the ids. Their list is a success whatever the status; an answer that is nothing at all is unknown."""
        body = wire.read_body(response.body)
        ids = wire.read_ids(body)
        if ids is not None:
            value, oddities = _lookups(batch, ids) if batch.channel is Channel.HLR else _segments(batch, ids)
            return Reading(value, body.lenient, oddities)
        session = self.needs_session(Operation.SUBMIT, batch.channel)
        verdict = judge(body, response, Operation.SUBMIT, session=session)
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
        """Ask for one segment of an SMS (`Polling.batch` is 1), or for several lookups."""
        if tracked[0].channel is Channel.HLR:
            ids = (message_id for lookup in tracked for message_id in lookup.ids)
            return requests.hlr_state(ids, self._hlr_access(session))
        return requests.sms_state(tracked[0].ids[0], session)

    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read states: by their numbers, whatever the texts beside them say."""
        body = wire.read_body(response.body)
        channel = tracked[0].channel
        answered = (
            self._read_lookups(tracked, body) if channel is Channel.HLR else self._read_segment(tracked[0].ids[0], body)
        )
        if answered is not None:
            return answered
        verdict = judge(body, response, Operation.POLL, session=self.needs_session(Operation.POLL, channel))
        if verdict is None:
            return Reading(UNREADABLE, body.lenient)
        return Reading(refusal(verdict), body.lenient, verdict.oddities)

    def _read_segment(self, message_id: str, body: wire.Body) -> PollReading | None:
        answer = wire.read_sms_state(body)
        if answer is None:
            return None
        report, oddities = segment_report(message_id, answer, self._settings.currency)
        return Reading((report,), body.lenient, oddities)

    def _read_lookups(self, tracked: tuple[Tracked, ...], body: wire.Body) -> PollReading | None:
        answers = wire.read_hlr_states(body)
        if answers is None:
            return None
        reports, oddities = lookup_reports(tracked, answers)
        return Reading(reports, body.lenient, oddities)

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


def _segments(batch: Batch, ids: tuple[str, ...]) -> tuple[Each | Whole, tuple[Oddity, ...]]:
    """Share the flat list of ids out: all segments of the first recipient, then the next one's.

    One recipient owns them all. With several, only a list of exactly the expected length can be shared out; from any
    other one we learn that the messages were taken, but not which id is whose.
    """
    recipients = len(batch.items)
    if recipients == 1:
        return Each((Accepted(ids=ids, segments=len(ids)),)), ()
    parts = batch.items[0].segments.count if batch.items[0].segments is not None else 1
    if len(ids) != recipients * parts or len(set(ids)) != len(ids):
        return Each((Accepted(ids=()),) * recipients), (Oddity.IDS_UNMAPPED,)
    shares = (ids[start : start + parts] for start in range(0, len(ids), parts))
    return Each(tuple(Accepted(ids=share, segments=parts) for share in shares)), ()


def _lookups(batch: Batch, ids: tuple[str, ...]) -> tuple[Each | Whole, tuple[Oddity, ...]]:
    """Give each number its id by position, the only link there is; a lookup without a sure id is worth nothing."""
    if len(ids) != len(batch.items) or len(set(ids)) != len(ids):
        detail = f"ids: {len(ids)}, numbers: {len(batch.items)}"
        return Whole(outcome=Unknown(reason=UnknownReason.UNREADABLE, detail=detail)), (Oddity.IDS_UNMAPPED,)
    return Each(tuple(Accepted(ids=(message_id,)) for message_id in ids)), ()
