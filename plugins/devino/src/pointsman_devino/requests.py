"""How each call is written: one canonical spelling of every path and parameter.

What a POST says goes into its form, never into the address, which is where logs find things. Session, login and
password stay `Secret` until the transport writes them out.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from pointsman.message import FallbackBy, Sms, Viber
from pointsman.plugin import Form, Request, Secret, Session, Submission, Window
from pointsman.plugin.wire import Text
from pointsman_devino.settings import Settings

Fields = tuple[tuple[str, Text], ...]

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_LONGEST_VIBER = 1440
"""Minutes, says the description of Viber; its own samples pass 86400, which are the seconds of a day."""


def minutes(ttl: timedelta | None) -> int | None:
    """Return a life time in their unit, rounded up, at least 1; None when there is no limit."""
    return None if ttl is None else max(1, math.ceil(ttl / _MINUTE))


def viber_minutes(submission: Submission, message: Viber) -> int | None:
    """Return the life time of a Viber message in their unit, within their limits; None when there is none.

    Where the router sends an SMS when it is over, minutes are rounded down, but to no less than one: the provider must
    not deliver what has been replaced.
    """
    if submission.ttl is None:
        return None
    replaced = message.fallback is not None and message.fallback.by is FallbackBy.ROUTER
    whole = submission.ttl // _MINUTE if replaced else minutes(submission.ttl) or 1
    return min(max(1, whole), _LONGEST_VIBER)


def written(at: datetime) -> str:
    """Write a time as they do: without a zone and without fractions, which are cut off. The hours go to 24."""
    return at.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%S")


def send_date(submission: Submission) -> str | None:
    """Return when a message shall be sent, in UTC or on the recipient's clock; None when it is to leave at once.

    Fractions of a second count as a whole one: nothing leaves early.
    """
    at = submission.send_at_local
    if at is None and submission.send_at is not None:
        at = submission.send_at.astimezone(UTC)
    if at is None:
        return None
    return written(at + _SECOND if at.microsecond else at)


def login(settings: Settings) -> Request:
    """Build the call that opens a session."""
    return Request(
        method="GET", path="user/sessionid", query=(("login", settings.login), ("password", settings.password))
    )


def balance(session: Session | None) -> Request:
    """Build the question for the balance."""
    return Request(method="GET", path="User/Balance", query=(("SessionID", _token(session)),))


def send(submission: Submission, message: Sms, session: Session | None) -> Request:
    """Build an SMS to one number."""
    path = "Sms/Send" if submission.send_at_local is None else "Sms/SendByTimeZone"
    return _post(path, session, (("DestinationAddress", submission.to), *_sms_fields(submission, message)))


def send_bulk(submissions: tuple[Submission, ...], message: Sms, session: Session | None) -> Request:
    """Build one SMS to several numbers; they share text, sender, life time and date."""
    first = submissions[0]
    path = "Sms/SendBulk" if first.send_at_local is None else "Sms/SendByTimeZoneToAddresses"
    return _post(path, session, (*_recipients(submissions), *_sms_fields(first, message)))


def sms_state(message_id: str, session: Session | None) -> Request:
    """Build the question for one segment; the document allows one id a call."""
    return _state("Sms/State", message_id, session)


def viber(submissions: tuple[Submission, ...], message: Viber, session: Session | None) -> Request:
    """Build one Viber message to one number or several; they share text, sender, life time and what replaces it."""
    first = submissions[0]
    path = "Viber/SendWithResend" if first.resend else "Viber/Send"
    shared = _shared(first, message.text, viber_minutes(first, message))
    if len(submissions) == 1:
        return _post(path, session, (("DestinationAddress", first.to), *shared))
    return _post(f"{path}Bulk", session, (*_recipients(submissions), *shared))


def viber_state(message_id: str, session: Session | None) -> Request:
    """Build the question for one Viber message."""
    return _state("Viber/State", message_id, session)


def incoming(window: Window, session: Session | None) -> Request:
    """Build the question for messages that came within a window, or up to a second or two beside it.

    Whether the ends of a period belong to it is not said, and it is given in whole seconds. So a little more is asked
    for than is wanted, at either end.
    """
    first = written(window.start.astimezone(UTC) - _SECOND)
    last = written(window.end.astimezone(UTC) + _SECOND - timedelta.resolution)
    return Request(
        method="GET",
        path="Sms/In",
        query=(("sessionId", _token(session)), ("minDateUTC", first), ("maxDateUTC", last)),
    )


def statistics(window: Window, session: Session | None) -> Request:
    """Build the question for the figures of a window.

    Both ends lose their fractions: windows that touch still touch, and none grows beyond what may be asked for.
    """
    first = window.start.astimezone(UTC).replace(microsecond=0)
    last = max(window.end.astimezone(UTC).replace(microsecond=0), first + _SECOND)
    return Request(
        method="GET",
        path="Sms/Statistics",
        query=(("sessionId", _token(session)), ("startDateTime", written(first)), ("endDateTime", written(last))),
    )


class HlrAccess(msgspec.Struct, frozen=True):
    """Who we are, for lookups. Path and parameters belong together, so that the two forms are never mixed."""

    root: str
    fields: Fields


def in_session(session: Session | None) -> HlrAccess:
    """Prove who we are by session."""
    return HlrAccess("Hlr", (("SessionID", _token(session)),))


def with_password(settings: Settings) -> HlrAccess:
    """Prove who we are by login and password."""
    return HlrAccess("v2/Hlr", (("Login", settings.login), ("Password", settings.password)))


def hlr_bulk(submissions: tuple[Submission, ...], validity: int, access: HlrAccess) -> Request:
    """Build lookups of several numbers; `validity` is in minutes."""
    return Request(
        method="POST",
        path=f"{access.root}/SendBulk",
        body=Form((*access.fields, *_recipients(submissions), ("Validity", str(validity)))),
    )


def hlr_state(message_ids: Iterable[str], access: HlrAccess) -> Request:
    """Build the question for several lookups."""
    return Request(
        method="GET",
        path=f"{access.root}/State",
        query=(*access.fields, *(("messageIds", message_id) for message_id in message_ids)),
    )


def _token(session: Session | None) -> Secret:
    if session is None:
        raise ValueError("this call needs a session: log in first")
    return session.token


def _recipients(submissions: tuple[Submission, ...]) -> Fields:
    return tuple(("DestinationAddresses", submission.to) for submission in submissions)


def _post(path: str, session: Session | None, fields: Fields) -> Request:
    return Request(method="POST", path=path, body=Form((("SessionID", _token(session)), *fields)))


def _state(path: str, message_id: str, session: Session | None) -> Request:
    return Request(method="GET", path=path, query=(("sessionId", _token(session)), ("messageId", message_id)))


def _sms_fields(submission: Submission, message: Sms) -> Fields:
    fields = _shared(submission, message.text, minutes(submission.ttl))
    at = send_date(submission)
    return fields if at is None else (*fields, ("SendDate", at))


def _shared(submission: Submission, text: str, validity: int | None) -> Fields:
    fields: Fields = (("Data", text),)
    if submission.sender is not None:
        fields = (("SourceAddress", submission.sender), *fields)
    return fields if validity is None else (*fields, ("Validity", str(validity)))
