"""The toy provider with all that a provider can offer: batches, a session, reports, doubts cleared up, answers."""

from collections.abc import Hashable
from datetime import timedelta

import msgspec

from pointsman.message import Channel, Money, Sms
from pointsman.outcome import Accepted, DeliveryState, Fault, Outcome, Refused, Report, Unknown, UnknownReason
from pointsman.plugin import (
    Absent,
    Balance,
    BalanceReading,
    Batch,
    Callback,
    CallbackReading,
    ChannelLimits,
    Each,
    InboxReading,
    Incoming,
    LoginReading,
    LogsIn,
    Operation,
    Polling,
    PollReading,
    Polls,
    PriceQuote,
    PricesReading,
    Profile,
    Provider,
    Raw,
    Reading,
    ReadsInbox,
    ReceivesCallbacks,
    ReconcileReading,
    Reconciles,
    Reconciling,
    Request,
    Response,
    Secret,
    Session,
    SessionExpired,
    Statistics,
    StatisticsReading,
    Submission,
    SubmitReading,
    TellsBalance,
    TellsPrices,
    TellsStatistics,
    Tracked,
    Whole,
    Window,
    Windows,
    http_verdict,
)
from pointsman_toy import wire
from pointsman_toy.faults import FAULTS, is_expiry, judge
from pointsman_toy.settings import ToySettings

CURRENCY = "EUR"
STATES = {
    "waiting": DeliveryState.QUEUED,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "failed": DeliveryState.UNDELIVERABLE,
}
FINAL = frozenset({"delivered", "failed"})


class Toy(
    Provider,
    LogsIn,
    Polls,
    Reconciles,
    ReceivesCallbacks,
    TellsBalance,
    ReadsInbox,
    TellsStatistics,
    TellsPrices,
):
    """One account."""

    def __init__(self, settings: ToySettings) -> None:
        self._settings = settings
        self.profile = Profile(
            channels={Channel.SMS: ChannelLimits(max_segments=8, batch=settings.batch, price_reported=True)},
            faults=FAULTS,
            polling={Channel.SMS: Polling(batch=50, first=2.0, longest=300.0)},
            reconciling={Channel.SMS: Reconciling(repeats=False, settle=5.0)},
            currency=CURRENCY,
            inbox=Windows(longest=timedelta(days=31), oldest=timedelta(days=365)),
            statistics=Windows(longest=timedelta(days=31)),
        )

    # -- session -------------------------------------------------------------------------------------------------------

    def login_request(self) -> Request:
        """Ask for a session."""
        return Request(method="POST", path="/session", headers=(("X-Key", self._settings.key),))

    def read_login(self, response: Response) -> LoginReading:
        """Read the session."""
        answer, lenient = wire.read(wire.Opened, response)
        match answer:
            case wire.Opened(token=token, seconds=seconds):
                return Reading(Session(token=Secret(token), valid_for=timedelta(seconds=seconds)), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.LOGIN), lenient)

    # -- submit --------------------------------------------------------------------------------------------------------

    def batch_key(self, submission: Submission) -> Hashable | None:
        """Messages that show one sender travel together."""
        return submission.sender or ""

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Build `POST /messages`."""
        items = [{"ref": item.ref, "to": item.to, "text": _text(item)} for item in batch.items]
        return Request(
            method="POST",
            path="/messages",
            headers=_token(session),
            body=Raw(msgspec.json.encode({"items": items, "sender": batch.items[0].sender or ""}), "application/json"),
        )

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Read one outcome for each message, or one for all of them."""
        answer, lenient = wire.read(wire.Sent, response)
        match answer:
            case wire.Sent(items=items) if len(items) == len(batch.items):
                return Reading(Each(tuple(map(_outcome, items))), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case wire.Error(error=code, text=text):
                return Reading(Whole(outcome=judge(code, text), divisible=code == "bad_number"), lenient)
            case _:
                verdict = http_verdict(response, Operation.SUBMIT)
                return Reading(Whole(outcome=verdict or Unknown(reason=UnknownReason.UNREADABLE)), lenient)

    # -- reports -------------------------------------------------------------------------------------------------------

    def poll_request(self, tracked: tuple[Tracked, ...], session: Session | None) -> Request:
        """Build `GET /states`."""
        ids = ",".join(provider_id for one in tracked for provider_id in one.ids)
        return Request(method="GET", path="/states", query=(("ids", ids),), headers=_token(session))

    def read_poll(self, tracked: tuple[Tracked, ...], response: Response) -> PollReading:
        """Read the states of messages that were asked about."""
        answer, lenient = wire.read(wire.States, response)
        match answer:
            case wire.States(states=states):
                asked = {provider_id for one in tracked for provider_id in one.ids}
                return Reading(tuple(_report(news) for news in states if news.id in asked), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.POLL), lenient)

    def read_callback(self, callback: Callback) -> CallbackReading:
        """Read what the provider posts to us: the same states."""
        answer, lenient = wire.read(wire.States, Response(status=200, body=callback.body))
        return Reading(tuple(map(_report, answer.states)) if isinstance(answer, wire.States) else (), lenient)

    # -- doubts --------------------------------------------------------------------------------------------------------

    def reconcile_request(self, sent: Batch, session: Session | None) -> Request:
        """Build `GET /refs`, which names the messages that are there."""
        refs = ",".join(item.ref for item in sent.items)
        return Request(method="GET", path="/refs", query=(("refs", refs),), headers=_token(session))

    def read_reconcile(self, sent: Batch, response: Response) -> ReconcileReading:
        """Read one finding for each message: it is there, or it is not."""
        answer, lenient = wire.read(wire.States, response)
        match answer:
            case wire.States(states=states):
                known = {news.ref: news.id for news in states}
                return Reading(tuple(_finding(known.get(item.ref)) for item in sent.items), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.RECONCILE), lenient)

    # -- balance -------------------------------------------------------------------------------------------------------

    def balance_request(self, session: Session | None) -> Request:
        """Build `GET /balance`."""
        return Request(method="GET", path="/balance", headers=_token(session))

    def read_balance(self, response: Response) -> BalanceReading:
        """Read the amount; an answer without one means "not told", never zero."""
        answer, lenient = wire.read(wire.Money, response)
        match answer:
            case wire.Money(amount=amount):
                return Reading(Balance(Money(amount, CURRENCY) if amount is not None else None), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.BALANCE), lenient)

    # -- inbox ---------------------------------------------------------------------------------------------------------

    def inbox_request(self, window: Window, session: Session | None) -> Request:
        """Build `GET /inbox`, which takes moments in UTC."""
        return Request(method="GET", path="/inbox", query=_span(window), headers=_token(session))

    def read_inbox(self, window: Window, response: Response) -> InboxReading:
        """Read the messages; the engine drops what lies outside of the window, and what it has shown before."""
        answer, lenient = wire.read(wire.Letters, response)
        match answer:
            case wire.Letters(letters=letters):
                return Reading(tuple(map(_incoming, letters)), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.INBOX), lenient)

    # -- figures and prices --------------------------------------------------------------------------------------------

    def statistics_request(self, window: Window, session: Session | None) -> Request:
        """Build `GET /figures`."""
        return Request(method="GET", path="/figures", query=_span(window), headers=_token(session))

    def read_statistics(self, window: Window, response: Response) -> StatisticsReading:
        """Read the figures; what the provider does not tell stays None, never zero."""
        answer, lenient = wire.read(wire.Figures, response)
        match answer:
            case wire.Figures(sent=sent, delivered=delivered):
                return Reading(Statistics(sent=sent, delivered=delivered), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.STATISTICS), lenient)

    def prices_request(self, session: Session | None) -> Request:
        """Build `GET /prices`."""
        return Request(method="GET", path="/prices", headers=_token(session))

    def read_prices(self, response: Response) -> PricesReading:
        """Read one price for each country."""
        answer, lenient = wire.read(wire.PriceList, response)
        match answer:
            case wire.PriceList(prices=lines):
                return Reading(tuple(map(_quote, lines)), lenient)
            case wire.Error(error=code) if is_expiry(code):
                return Reading(SessionExpired(code=code), lenient)
            case _:
                return Reading(_no_answer(answer, response, Operation.PRICES), lenient)


def _token(session: Session | None) -> tuple[tuple[str, Secret], ...]:
    return (("X-Token", session.token),) if session is not None else ()


def _span(window: Window) -> tuple[tuple[str, str], ...]:
    return ("from", window.start.isoformat()), ("to", window.end.isoformat())


def _incoming(letter: wire.Letter) -> Incoming:
    return Incoming(id=letter.id, sender=letter.sender, to=letter.to, text=letter.text, at=letter.at)


def _quote(line: wire.Line) -> PriceQuote:
    return PriceQuote(channel=Channel.SMS, country=line.country, price=Money(line.price, CURRENCY))


def _text(item: Submission) -> str:
    return item.message.text if isinstance(item.message, Sms) else ""


def _outcome(item: wire.Item) -> Outcome:
    if item.error is not None:
        return judge(item.error)
    if item.id is None:
        return Unknown(reason=UnknownReason.UNREADABLE)
    return Accepted(ids=(item.id,), price=Money(item.price, CURRENCY) if item.price is not None else None)


def _report(news: wire.News) -> Report:
    state = STATES.get(news.state, DeliveryState.UNKNOWN)
    return Report(provider_id=news.id, state=state, final=news.state in FINAL, reference=news.ref)


def _finding(provider_id: str | None) -> Accepted | Absent:
    return Accepted(ids=(provider_id,)) if provider_id is not None else Absent()


def _no_answer(answer: msgspec.Struct | None, response: Response, operation: Operation) -> Refused:
    """Say why a question that changes nothing was not answered; it can always be asked again."""
    verdict = judge(answer.error, answer.text) if isinstance(answer, wire.Error) else http_verdict(response, operation)
    if isinstance(verdict, Refused):
        return verdict
    return Refused(fault=Fault.UNAVAILABLE, code=verdict.code if verdict is not None else "unreadable")
