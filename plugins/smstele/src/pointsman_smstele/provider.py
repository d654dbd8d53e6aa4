"""SMStele over HTTP: requests as values, answers as outcomes."""

from collections.abc import Hashable

import msgspec

from pointsman.message import Channel
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
from pointsman_smstele.ids import another_id, halves, message_id
from pointsman_smstele.parameters import Parameters, is_plain
from pointsman_smstele.settings import Settings
from pointsman_smstele.states import news
from pointsman_smstele.wire import ErrorAnswer, SendAnswer, StatusAnswer, read_send, read_status

Field = tuple[str, Text]

_POLLING = {
    Channel.SMS: Polling(by_reference=True),
    Channel.VIBER: Polling(by_reference=True),
    Channel.HLR: Polling(first=3.0, longest=60.0, give_up=900.0, by_reference=True),
}


class Smstele(Provider, Polls, Reconciles):
    """One SMStele account.

    Everything travels in the body of a POST: an address ends up in logs, a body does not, and a POST is not repeated by
    anybody on the way. The text is always declared as UTF-8, because the server assumes windows-1251 otherwise.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parameters = Parameters(settings)
        channels = _channels(settings, schedules=self._parameters.defers)
        self.profile = Profile(
            channels=channels,
            faults=FAULTS,
            polling={channel: _POLLING[channel] for channel in channels},
            reconciling=dict.fromkeys(channels, Reconciling(repeats=False, settle=settings.settle)),
            account=settings.login,
        )

    # -- submit ------------------------------------------------------------------------------------------------------

    def batch_key(self, submission: Submission) -> Hashable | None:
        """Messages that differ in nothing but the number share a request; lookups have nothing else to differ in."""
        return self._parameters.of(submission)

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Build a call of `sendsms`. Its `id` is the reference of the batch, so that `status` can find it again.

        Raises `ValueError` for messages that SMStele shall keep although no `deferred_offset` is configured.
        """
        del session
        phones = ",".join(item.to for item in batch.items)
        common: tuple[Field, ...] = (("charset", "utf-8"), ("id", batch.ref), ("phones", phones))
        return self._call("sendsms", *common, *self._parameters.of(batch.items[0]))

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
            case Refused() as refused, Remedy.WITHOUT_VALIDITY if items := self._without_validity(batch):
                return self._again(batch, items, refused)
            case Refused() as refused, Remedy.DIVIDE:
                return Whole(outcome=refused, divisible=len(batch.items) > 1)
            case Refused(fault=Fault.UNSUPPORTED) as refused, _ if not is_plain(batch.items[0]):
                # Flash or keeping is not there, which must not put all SMS out of use.
                return Whole(outcome=msgspec.structs.replace(refused, fault=Fault.DECLINED))
            case outcome, _:
                return Whole(outcome=outcome)

    def _without_validity(self, batch: Batch) -> tuple[Submission, ...]:
        """Return the messages without `validity` or `viber_validity`; nothing when one has none, or needs it."""
        bare = tuple(self._parameters.without_validity(item) for item in batch.items)
        return tuple(item for item in bare if item is not None) if None not in bare else ()

    def _again(self, batch: Batch, items: tuple[Submission, ...], reason: Refused) -> Resubmit:
        other = msgspec.structs.replace(batch, ref=another_id(batch.ref), items=items)
        return Resubmit(request=self.submit_request(other, None), batch=other, reason=reason)

    # -- poll --------------------------------------------------------------------------------------------------------

    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Build a call of `status` about one message, by id and number: a number alone finds other messages too.

        The id is the reference of the request in which it travelled, so a message whose submit had no answer can be
        asked about as well. Raises `ValueError` for ids that this plugin did not make, and for more than one of them.
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


def _channels(settings: Settings, *, schedules: bool) -> dict[Channel, ChannelLimits]:
    """Return what an account offers."""
    plain = ChannelLimits(batch=settings.batch_size, one_per_recipient=True)
    kept = msgspec.structs.replace(plain, schedules=schedules)
    offered = {Channel.SMS: msgspec.structs.replace(kept, flash=True)}
    if settings.viber:
        offered[Channel.VIBER] = kept
    if settings.hlr:
        offered[Channel.HLR] = plain
    return offered


def _target(tracked: tuple[Tracked, ...]) -> tuple[Tracked, str]:
    """Return the one message that is asked about, and its id; without one, that which it would have been given."""
    match tracked:
        case (Tracked(ids=(only,)) as one,):
            return one, only
        case (Tracked(ids=(), call_ref=ref, to=phone) as one,):
            return one, message_id(ref, phone)
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
