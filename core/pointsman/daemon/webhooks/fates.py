"""What becomes of a letter after a try: posted, tried again, or dead. Pure: the moment and the chance are passed in."""

from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from pointsman.daemon.webhooks.settings import Settings
from pointsman.events import WebhookOutcome
from pointsman.store.interface import Again, Dead, Fate, Later, Letter, Posted

NOT_AT_FAULT = frozenset({WebhookOutcome.TAKEN, WebhookOutcome.GONE})
"""Outcomes that say that the receiver works."""
OWN_FAULT = frozenset({WebhookOutcome.REFUSED, WebhookOutcome.REDIRECTED})
"""Outcomes that may be about this one letter; only several in a row speak against the receiver."""

HINDERED = 60.0
"""Seconds after which a letter is looked at again that the configuration does not let be posted."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one post came to."""

    outcome: WebhookOutcome
    status: int | None = None
    retry_after: float | None = None
    """Seconds for which the receiver asked."""
    detail: str = ""
    """Why there is no answer, in our words."""

    @property
    def error(self) -> str:
        """Why the letter was not taken, for people: no part of the address, and no text of the receiver's."""
        if self.status is not None:
            return f"{self.outcome}: the receiver answered {self.status}"
        return f"{self.outcome}: {self.detail}" if self.detail else self.outcome.value


def outcome_of(status: int, *, asks_to_wait: bool) -> WebhookOutcome:
    """Return what the status of an answer means."""
    match status:
        case _ if 200 <= status < 300:
            return WebhookOutcome.TAKEN
        case _ if 300 <= status < 400:
            return WebhookOutcome.REDIRECTED
        case 410:
            return WebhookOutcome.GONE
        case 429:
            return WebhookOutcome.THROTTLED
        case 503 if asks_to_wait:
            return WebhookOutcome.THROTTLED
        case _ if 400 <= status < 500:
            return WebhookOutcome.REFUSED
        case _:
            return WebhookOutcome.ERROR


def wanted_pause(header: str, now: float, longest: float) -> float | None:
    """Return the seconds that a `Retry-After` asks for, as a number or as a date; None for nonsense."""
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:12]), longest)
    try:
        until = parsedate_to_datetime(text)
        seconds = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), longest)


def fate_after(letter: Letter, answer: Answer, settings: Settings, *, now: float, since: float, chance: float) -> Fate:
    """Return what becomes of a letter that was tried; `since` is when its life began, `chance` from 0 to 1."""
    match answer.outcome:
        case WebhookOutcome.TAKEN:
            return Posted()
        case WebhookOutcome.GONE:
            return Dead(answer.error)
    end = since + settings.give_up
    if now >= end and letter.tries + 1 >= settings.least_tries:
        return Dead(answer.error)
    pause = backoff(letter.tries, settings.first_pause, settings.longest_pause, chance)
    at = now + max(pause, min(answer.retry_after or 0.0, settings.longest_wanted))
    # The last try is at the very end, so that no part of the time is lost.
    return Again(min(at, end) if now < end else at, answer.error)


def fate_untried(letter: Letter, settings: Settings, *, now: float, since: float, until: float, outage: float) -> Fate:
    """Return what becomes of a letter that is not tried before `until`, since its receiver has failed for `outage`."""
    if now >= since + settings.give_up and outage >= settings.least_outage:
        return Dead(letter.error or "unreachable: its receiver took nothing meanwhile")
    return Later(until)


def fate_hindered(obstacle: str, settings: Settings, *, now: float, since: float) -> Fate:
    """Return what becomes of a letter that the configuration does not let be posted: it may be put right soon."""
    return Dead(obstacle) if now >= since + settings.give_up else Later(now + HINDERED)


def backoff(failures: int, first: float, longest: float, chance: float) -> float:
    """Return how long to wait after so many failures before this one: doubling, and less by up to a half by chance."""
    return float(min(first * 2.0 ** min(failures, 30), longest) * (1.0 - chance / 2.0))
