"""One account at affiliate-sms.com: builds its requests and reads its answers."""

from collections.abc import Hashable
from typing import assert_never

import msgspec

from pointsman.message import Channel
from pointsman.outcome import Accepted, Outcome, Refused, Unknown, UnknownReason
from pointsman.plugin import (
    Batch,
    Callback,
    CallbackReading,
    ChannelLimits,
    Each,
    Multipart,
    Polling,
    PollReading,
    Polls,
    PricesReading,
    Profile,
    Provider,
    Reading,
    ReceivesCallbacks,
    ReconcileReading,
    Reconciles,
    Reconciling,
    Request,
    Response,
    Resubmit,
    Session,
    Submission,
    SubmitReading,
    TellsPrices,
    Tracked,
    Whole,
)
from pointsman_affiliate_hlr.faults import FAULTS
from pointsman_affiliate_hlr.prices import prices_reading
from pointsman_affiliate_hlr.reports import callback_reading, handle_of, poll_reading
from pointsman_affiliate_hlr.requests import NewLookup, callback_address, payload
from pointsman_affiliate_hlr.settings import STANDARD_TARIFF, Method, Settings, usable_key
from pointsman_affiliate_hlr.verdicts import Again, Change, judge

GIVE_UP = 1800.0
"""Seconds after which a lookup without a result is given up; the document names no limit."""
_MAX_REFERENCE = 32
_NEW_REFERENCE_MARK = "x"


def build(settings: Settings) -> "AffiliateHlr":
    """Make the provider; raises `ValueError` for settings that cannot work."""
    return AffiliateHlr(settings)


class AffiliateHlr(Provider, Polls, Reconciles, ReceivesCallbacks, TellsPrices):
    """Lookups through affiliate-sms.com.

    The object remembers one thing: that the server answered PUT with 405, after which it creates by POST. Everything
    else is constant.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = usable_key(settings)
        self._tariff = settings.tariff
        self._configured_method = settings.method
        self._method = settings.method
        self.profile = Profile(
            channels={
                Channel.HLR: ChannelLimits(batch=settings.batch_size, repeat_safe=True, price_reported=True),
            },
            faults=FAULTS,
            polling={Channel.HLR: Polling(batch=1, first=2.0, longest=300.0, give_up=GIVE_UP, by_reference=True)},
            reconciling={Channel.HLR: Reconciling(repeats=True)},
        )

    def batch_key(self, submission: Submission) -> Hashable | None:
        """All lookups may travel together: tariff and callback address belong to each number."""
        del submission
        return ("hlr",)

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Create the lookups, in the form for one number or in the form for several."""
        del session
        return self._create(batch)

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read one outcome per number; a refusal without a culprit is the whole batch's and divisible."""
        verdict = judge(batch, response)
        value = self._again(batch, verdict.value) if isinstance(verdict.value, Again) else verdict.value
        return Reading(value, lenient=verdict.lenient, oddities=verdict.oddities)

    def reconcile_request(self, sent: Batch, session: Session | None) -> Request:
        """Create the same lookups again: those that exist are answered with 13 and their id, at no charge."""
        del session
        return self._create(sent)

    def read_reconcile(self, sent: Batch, response: Response) -> ReconcileReading:
        """Accepted for what exists now. A refusal of the repeat says nothing about the first request."""
        verdict = judge(sent, response)
        match verdict.value:
            case Each(outcomes):
                findings = tuple(_finding(outcome) for outcome in outcomes)
            case Whole(outcome=outcome):
                findings = (_finding(outcome),) * len(sent.items)
            case Again(change=change, reason=reason):
                if change is Change.METHOD:
                    self._avoid_put()
                findings = (_finding(reason),) * len(sent.items)
            case _:
                assert_never(verdict.value)
        return Reading(findings, lenient=verdict.lenient, oddities=verdict.oddities)

    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Ask for one lookup, by its id or, where that was never told, by our reference."""
        del session
        return self._question(f"hlr/{handle_of(tracked[0])}")

    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read the state of the lookup that was asked for."""
        return poll_reading(tracked, response)

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read a result that the provider pushed to us; a result may come more than once."""
        return callback_reading(callback)

    def prices_request(self, session: Session | None) -> Request:
        """Ask for the prices of the tariff that lookups are created under, not of the one that a bare query means."""
        del session
        return self._question(f"hlr/prices/{self._tariff}")

    def read_prices(self, response: Response) -> PricesReading:
        """Read the price of a lookup in each country."""
        return prices_reading(response)

    def _question(self, path: str) -> Request:
        return Request(method="GET", path=path, headers=(("X-API-KEY", self._key),))

    def _create(self, batch: Batch, tariff: int | None = None) -> Request:
        lookups = tuple(
            NewLookup(
                msisdn=item.to,
                reference=item.ref,
                tariff=self._tariff if tariff is None else tariff,
                callback_url=callback_address(item.callback_url, item.ref),
            )
            for item in batch.items
        )
        return Request(
            method=self._method.value,
            path="hlr/create",
            headers=(("X-API-KEY", self._key),),
            body=Multipart(lookups[0].form() if len(lookups) == 1 else (("payload", payload(lookups)),)),
        )

    def _again(self, batch: Batch, again: Again) -> Resubmit | Whole:
        match again.change:
            case Change.METHOD if self._configured_method is Method.POST:
                return Whole(outcome=again.reason)
            case Change.TARIFF if self._tariff == STANDARD_TARIFF:
                return Whole(outcome=again.reason)
            case Change.REFERENCES if any(len(item.ref) >= _MAX_REFERENCE for item in batch.items):
                return Whole(outcome=again.reason)
            case Change.METHOD:
                self._avoid_put()
                changed, request = batch, self._create(batch)
            case Change.TARIFF:
                changed, request = batch, self._create(batch, STANDARD_TARIFF)
            case Change.REFERENCES:
                changed = _with_new_references(batch)
                request = self._create(changed)
            case _:
                assert_never(again.change)
        return Resubmit(request=request, batch=changed, reason=again.reason)

    def _avoid_put(self) -> None:
        self._method = Method.POST


def _finding(outcome: Outcome) -> Accepted | Unknown:
    """What the outcome of the repeat tells about the first request: nothing, unless the lookup exists."""
    match outcome:
        case Accepted() | Unknown():
            return outcome
        case Refused(code=code, detail=detail):
            return Unknown(reason=UnknownReason.UNREADABLE, code=code, detail=f"the repeat was refused: {detail}")
        case _:
            assert_never(outcome)


def _with_new_references(batch: Batch) -> Batch:
    """The batch under references that are new and still unique: ours never differ by this mark alone."""
    items = tuple(msgspec.structs.replace(item, ref=item.ref + _NEW_REFERENCE_MARK) for item in batch.items)
    return msgspec.structs.replace(batch, items=items)
