"""Incoming messages and figures of a period."""

from collections import Counter
from typing import TYPE_CHECKING

from pointsman.message import Channel
from pointsman.sandbox import Call, Reply
from pointsman_devino.sandbox import answers, inbox
from pointsman_devino.sandbox.answers import Statistics
from pointsman_devino.sandbox.checks import ApiError, period, required
from pointsman_devino.sandbox.sms import QUEUED, SENT, state_number

if TYPE_CHECKING:
    from pointsman_devino.sandbox.server import DevinoSandbox

DAY = 86400
MAX_AGE = 366 * DAY
MAX_SPAN = 90 * DAY
DELIVERED, EXPIRED, REJECTED = 0, 46, 48


def incoming(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/In: at most a year back."""
    required(call.params, "SessionID")
    first, last = period(call.params, "In", "minDateUtc", "maxDateUtc")
    box.check_session(call)
    if call.at - first > MAX_AGE:
        raise ApiError(2, "minDateUTC is more than a year ago")
    if last <= first:
        raise ApiError(2, "maxDateUTC must be later than minDateUTC")
    return inbox.wording(box.mode_of(call), call, [letter for letter in box.inbox if first <= letter.at < last])


def statistics(box: "DevinoSandbox", call: Call) -> Reply:
    """Sms/Statistics: at most 90 days. `Total` leaves errors out, as the figures of the document's example do."""
    required(call.params, "SessionID")
    first, last = period(call.params, "Statistics", "startDateTime", "endDateTime")
    box.check_session(call)
    if last < first:
        raise ApiError(2, "endDateTime must not be earlier than startDateTime")
    if last - first > MAX_SPAN:
        raise ApiError(2, "Нельзя указывать диапазон дат более 90 дней.")
    segments: Counter[int] = Counter()
    for message in box.ledger.messages:
        if message.channel is Channel.SMS and first <= message.accepted_at <= last:
            segments[state_number(box, message, call.at)] += message.segments
    everything = segments.total()
    named = sum(segments[state] for state in (SENT, QUEUED, DELIVERED, EXPIRED, REJECTED))
    return answers.statistics(
        box.mode_of(call),
        Statistics(
            sent=segments[SENT],
            delivered=segments[DELIVERED],
            errors=everything - named,
            in_process=segments[QUEUED],
            expired=segments[EXPIRED],
            rejected=segments[REJECTED],
            total=named,
            total_with_errors=everything,
            delivery_ratio=round(100 * segments[DELIVERED] / everything, 2) if everything else 0,
        ),
    )
