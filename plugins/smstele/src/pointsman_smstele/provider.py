"""SMStele over HTTP: requests as values, answers as outcomes."""

import math
from collections.abc import Hashable
from datetime import timedelta

import msgspec

from pointsman.message import Channel, HlrLookup, Sms, Viber
from pointsman.outcome import Fault, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Batch,
    ChannelLimits,
    Each,
    Form,
    Operation,
    Polling,
    PollReading,
    Polls,
    Profile,
    Provider,
    Reading,
    ReconcileReading,
    Reconciles,
    Reconciling,
    Request,
    Response,
    Resubmit,
    Session,
    Submission,
    SubmitReading,
    Tracked,
    Whole,
    http_verdict,
)
from pointsman.plugin.wire import Text
from pointsman_smstele.acceptance import Finding, findings, outcomes
from pointsman_smstele.faults import FAULTS, WRONG_PATH, Remedy, Verdict, judge
from pointsman_smstele.ids import another_id, halves
from pointsman_smstele.settings import Settings, ValidityUnit
from pointsman_smstele.states import news
from pointsman_smstele.wire import ErrorAnswer, SendAnswer, StatusAnswer, read_send, read_status

Field = tuple[str, Text]

_SECONDS_PER_UNIT = {ValidityUnit.SECONDS: 1, ValidityUnit.MINUTES: 60}
_LOOKUPS_ARE_ASKED_FOR = Polling(first=3.0, longest=60.0, give_up=900.0)


class Smstele(Provider, Polls, Reconciles):
    """One SMStele account.

    Everything travels in the body of a POST: an address ends up in logs, a body does not, and a POST is not repeated by
    anybody on the way. The text is always declared as UTF-8, because the server assumes windows-1251 otherwise.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        limits = ChannelLimits(batch=settings.batch_size, one_per_recipient=True)
        polling = {Channel.SMS: Polling(), Channel.HLR: _LOOKUPS_ARE_ASKED_FOR}
        channels = (Channel.SMS, Channel.HLR) if settings.hlr else (Channel.SMS,)
        self.profile = Profile(
            channels=dict.fromkeys(channels, limits),
            faults=FAULTS,
            polling={channel: polling[channel] for channel in channels},
            reconciling=dict.fromkeys(channels, Reconciling(repeats=False, settle=settings.settle)),
        )

    # -- submit ------------------------------------------------------------------------------------------------------

    def batch_key(self, submission: Submission) -> Hashable | None:
        """Messages of one text, sender and life share a request; lookups have nothing to differ in."""
        match submission.message:
            case Sms(text=text):
                return (Channel.SMS, text, submission.sender, self._validity(submission.ttl))
            case HlrLookup():
                return (Channel.HLR,)
            case Viber():
                return None

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Build a call of `sendsms`. Its `id` is the reference of the batch, so that `status` can find it again."""
        del session
        first = batch.items[0]
        phones = ",".join(item.to for item in batch.items)
        common: tuple[Field, ...] = (("charset", "utf-8"), ("id", batch.ref), ("phones", phones))
        match first.message:
            case Sms(text=text):
                return self._call("sendsms", *common, ("mes", text), *self._options(first))
            case HlrLookup():
                return self._call("sendsms", *common, ("hlr", "1"))  # never with `mes`: it would be dropped silently
            case Viber():
                raise ValueError("smstele does not offer viber")

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read the answer of `sendsms`. The body decides, whatever the HTTP status says."""
        answer, lenient = read_send(response.body)
        match answer:
            case SendAnswer():
                found, oddities = outcomes(batch, answer)
                return Reading(Each(found), lenient, oddities)
            case ErrorAnswer():
                verdict = judge(answer)
                return Reading(self._turned_down(batch, verdict), lenient, verdict.oddities)
            case None:
                return Reading(Whole(outcome=_judge_bare(response, Operation.SUBMIT)), lenient)

    def _turned_down(self, batch: Batch, verdict: Verdict) -> Whole | Resubmit:
        match verdict.outcome, verdict.remedy:
            case Refused() as refused, Remedy.NEW_ID:
                return self._again(batch, batch.items, refused)
            case Refused() as refused, Remedy.WITHOUT_VALIDITY if self._sends_validity(batch):
                items = tuple(msgspec.structs.replace(item, ttl=None) for item in batch.items)
                return self._again(batch, items, refused)
            case Refused() as refused, Remedy.DIVIDE:
                return Whole(outcome=refused, divisible=len(batch.items) > 1)
            case outcome, _:
                return Whole(outcome=outcome)

    def _again(self, batch: Batch, items: tuple[Submission, ...], reason: Refused) -> Resubmit:
        other = msgspec.structs.replace(batch, ref=another_id(batch.ref), items=items)
        return Resubmit(request=self.submit_request(other, None), batch=other, reason=reason)

    # -- poll --------------------------------------------------------------------------------------------------------

    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Build a call of `status` about one message, by id and number: a number alone finds other messages too.

        Raises `ValueError` for ids that this plugin did not make, and for more than one of them.
        """
        del session
        _, provider_id = _target(tracked)
        ref, phone = halves(provider_id)
        return self._call("status", ("id", ref), ("phone", phone))

    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read the newest news of the message; a final state beats one that is not."""
        answer, lenient = read_status(response.body)
        match answer:
            case StatusAnswer():
                one, provider_id = _target(tracked)
                found, oddities = news(one, provider_id, answer)
                return Reading((found,) if found else (), lenient, oddities)
            case ErrorAnswer(code="0"):
                return Reading((), lenient)
            case ErrorAnswer():
                verdict = judge(answer)
                return Reading(_refused(verdict.outcome), lenient, verdict.oddities)
            case None:
                return Reading(_refused(_judge_bare(response, Operation.POLL)), lenient)

    # -- reconcile ---------------------------------------------------------------------------------------------------

    def reconcile_request(self, sent: Batch, session: Session | None) -> Request:
        """Build a call of `status` about all messages of a request."""
        del session
        phone: tuple[Field, ...] = (("phone", sent.items[0].to),) if len(sent.items) == 1 else ()
        return self._call("status", ("id", sent.ref), *phone)

    def read_reconcile(self, sent: Batch, response: Response) -> ReconcileReading:
        """Read which messages the provider has. One that a whole list does not name is absent."""
        answer, lenient = read_status(response.body)
        match answer:
            case StatusAnswer():
                found, oddities = findings(sent, answer)
                return Reading(found, lenient, oddities)
            case ErrorAnswer():
                verdict = judge(answer)
                return Reading(_for_each(sent, verdict.outcome), lenient, verdict.oddities)
            case None:
                return Reading(_for_each(sent, _judge_bare(response, Operation.RECONCILE)), lenient)

    # -- fields ------------------------------------------------------------------------------------------------------

    def _call(self, path: str, *fields: Field) -> Request:
        credentials: tuple[Field, ...] = (("login", self._settings.login), ("psw", self._settings.password))
        return Request(method="POST", path=path, body=Form((*credentials, *fields)))

    def _options(self, submission: Submission) -> tuple[Field, ...]:
        """Return the optional parameters of an SMS; flash, transliteration and deferred sending would join them."""
        validity = self._validity(submission.ttl)
        named = {"sender": submission.sender, "validity": validity}
        return tuple((name, value) for name, value in named.items() if value is not None)

    def _sends_validity(self, batch: Batch) -> bool:
        return batch.channel is Channel.SMS and self._validity(batch.items[0].ttl) is not None

    def _validity(self, ttl: timedelta | None) -> str | None:
        """Return `validity` in the configured unit, rounded up; None when it is not to be sent."""
        seconds = _SECONDS_PER_UNIT.get(self._settings.validity_unit)
        if ttl is None or seconds is None:
            return None
        return str(max(1, math.ceil(ttl.total_seconds() / seconds)))


def _target(tracked: tuple[Tracked, ...]) -> tuple[Tracked, str]:
    """Return the one message that is asked about, and its id."""
    match tracked:
        case (Tracked(ids=(only,)) as one,):
            return one, only
        case _:
            raise ValueError("smstele's status takes one message at a time, with its one id")


def _for_each(sent: Batch, outcome: Refused | Unknown) -> tuple[Finding, ...] | Refused:
    match outcome:
        case Refused():
            return outcome
        case Unknown():
            return (outcome,) * len(sent.items)


def _refused(outcome: Refused | Unknown) -> Refused:
    """A question whose answer cannot be read can be asked again."""
    if isinstance(outcome, Refused):
        return outcome
    return Refused(fault=Fault.UNAVAILABLE, code=outcome.code, detail=outcome.detail)


def _judge_bare(response: Response, operation: Operation) -> Refused | Unknown:
    """Judge an answer whose body is neither a success nor an error of SMStele."""
    if response.status == WRONG_PATH.http:
        return Refused(fault=Fault.REQUEST, code=WRONG_PATH.code, detail="check the path of base_url (/cgi-bin?)")
    verdict = http_verdict(response, operation)
    return verdict or Unknown(reason=UnknownReason.UNREADABLE, detail="the answer is not one of SMStele's")


def build(settings: Settings) -> Smstele:
    """Make the provider. Raises `ValueError` when a credential is empty."""
    for name, secret in (("login", settings.login), ("password", settings.password)):
        if not secret:
            raise ValueError(f"{name} is empty; SMStele asks for it with every call")
    return Smstele(settings)
