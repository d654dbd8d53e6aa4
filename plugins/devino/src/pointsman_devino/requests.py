"""How each call is written: one canonical spelling of every path and parameter.

What a POST says goes into its form, never into the address, which is where logs find things. Session, login and
password stay `Secret` until the transport writes them out.
"""

import math
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from pointsman.message import Sms
from pointsman.plugin import Form, Request, Secret, Session, Submission
from pointsman.plugin.wire import Text
from pointsman_devino.settings import Settings

Fields = tuple[tuple[str, Text], ...]

_MINUTE = timedelta(minutes=1)


def minutes(ttl: timedelta | None) -> int | None:
    """Return a life time in their unit, rounded up, at least 1; None when there is no limit."""
    return None if ttl is None else max(1, math.ceil(ttl / _MINUTE))


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
    return Request(
        method="POST",
        path="Sms/Send",
        body=Form(
            (
                ("SessionID", _token(session)),
                ("DestinationAddress", submission.to),
                *_shared(submission, message),
            )
        ),
    )


def send_bulk(submissions: tuple[Submission, ...], message: Sms, session: Session | None) -> Request:
    """Build one SMS to several numbers; they share text, sender and life time."""
    return Request(
        method="POST",
        path="Sms/SendBulk",
        body=Form((("SessionID", _token(session)), *_recipients(submissions), *_shared(submissions[0], message))),
    )


def sms_state(message_id: str, session: Session | None) -> Request:
    """Build the question for one segment; the document allows one id a call."""
    return Request(method="GET", path="Sms/State", query=(("sessionId", _token(session)), ("messageId", message_id)))


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


def _shared(submission: Submission, message: Sms) -> Fields:
    fields: Fields = (("Data", message.text),)
    if submission.sender is not None:
        fields = (("SourceAddress", submission.sender), *fields)
    validity = minutes(submission.ttl)
    return fields if validity is None else (*fields, ("Validity", str(validity)))
