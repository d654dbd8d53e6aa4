"""The endpoints that clients use."""

from collections.abc import Mapping
from typing import Any

from pointsman.daemon import messages, questions
from pointsman.daemon.asked import (
    EventsQuery,
    InboxQuery,
    LookupRequest,
    MessagePath,
    MessageRequest,
    Nothing,
    NumberPath,
    ReferenceQuery,
)
from pointsman.daemon.endpoint import PUBLIC, Access, Answer, Body, Endpoint
from pointsman.daemon.problems import Kind
from pointsman.daemon.shown import (
    DecisionShown,
    InboxShown,
    KnownLookup,
    ReceiptShown,
    ReceiptsShown,
    TakenShown,
)

_TAKING = (Kind.DENIED, Kind.KEY_REUSED, Kind.BUSY, Kind.STORE, Kind.CLOSING)
_CHANNEL: Mapping[str, str] = {"channel": "sms"}
_IDEMPOTENT: Mapping[str, str] = {
    messages.KEY_HEADER: "1 to 255 printable characters; the same key with the same request is carried out once."
}
_REPLAY: Mapping[str, str] = {messages.REPLAY_HEADER: "`true` when the key had brought the same request before."}
_TAKEN = {202: Answer(words="Taken and written down.", kind=TakenShown | tuple[TakenShown, ...], headers=_REPLAY)}

CLIENTS: tuple[Endpoint[Any, Any, Any], ...] = (
    Endpoint(
        name="sendMessages",
        method="POST",
        path="/v1/messages",
        summary="Take one message, or up to 1,000 in an array: all of them or none.",
        handler=messages.post_messages,
        access=Access.CLIENT,
        listeners=PUBLIC,
        body=Body.MANY,
        body_kind=MessageRequest,
        body_default=_CHANNEL,
        request_headers=_IDEMPOTENT,
        answers=_TAKEN,
        failures=_TAKING,
    ),
    Endpoint(
        name="findMessages",
        method="GET",
        path="/v1/messages",
        summary="Find your messages by your own reference, the latest first.",
        handler=messages.get_messages,
        access=Access.CLIENT,
        listeners=PUBLIC,
        query=ReferenceQuery,
        answers={200: Answer(words="The messages; none is no error.", kind=ReceiptsShown)},
        failures=(Kind.CLOSING,),
    ),
    Endpoint(
        name="getMessage",
        method="GET",
        path="/v1/messages/{id}",
        summary="Show a message of yours with all attempts.",
        handler=messages.get_message,
        access=Access.CLIENT,
        listeners=PUBLIC,
        variables=MessagePath,
        answers={200: Answer(words="The receipt.", kind=ReceiptShown)},
        failures=(Kind.NOT_FOUND, Kind.CLOSING),
    ),
    Endpoint(
        name="cancelMessage",
        method="DELETE",
        path="/v1/messages/{id}",
        summary="Cancel a message of yours that has not left.",
        handler=messages.delete_message,
        access=Access.CLIENT,
        listeners=PUBLIC,
        variables=MessagePath,
        answers={202: Answer(words="It is not sent any more.", kind=TakenShown)},
        failures=(Kind.NOT_FOUND, Kind.CONFLICT, Kind.STORE, Kind.CLOSING),
    ),
    Endpoint(
        name="confirmMessage",
        method="POST",
        path="/v1/messages/{id}/confirm",
        summary="Say that the recipient got a message of yours: a code was entered, a link was opened.",
        handler=messages.post_confirm,
        access=Access.CLIENT,
        listeners=PUBLIC,
        variables=MessagePath,
        body=Body.JSON,
        body_kind=Nothing,
        answers={200: Answer(words="It was noted.", kind=TakenShown)},
        failures=(Kind.NOT_FOUND, Kind.CONFLICT, Kind.CLOSING),
    ),
    Endpoint(
        name="lookUp",
        method="POST",
        path="/v1/lookups",
        summary="Look up one number, or up to 1,000 in an array.",
        handler=messages.post_lookups,
        access=Access.CLIENT,
        listeners=PUBLIC,
        body=Body.MANY,
        body_kind=LookupRequest,
        request_headers=_IDEMPOTENT,
        answers=_TAKEN,
        failures=_TAKING,
    ),
    Endpoint(
        name="getLookup",
        method="GET",
        path="/v1/lookups/{msisdn}",
        summary="Show what the last lookup of a number found, with its age; nobody is asked.",
        handler=questions.get_lookup,
        access=Access.CLIENT,
        listeners=PUBLIC,
        variables=NumberPath,
        answers={200: Answer(words="The result.", kind=KnownLookup)},
        failures=(Kind.NOT_FOUND,),
    ),
    Endpoint(
        name="explain",
        method="POST",
        path="/v1/explain",
        summary="Say which provider would take a message now, and why; nothing is sent.",
        handler=questions.post_explain,
        access=Access.CLIENT,
        listeners=PUBLIC,
        body=Body.JSON,
        body_kind=MessageRequest,
        body_default=_CHANNEL,
        answers={200: Answer(words="The decision.", kind=DecisionShown)},
    ),
    Endpoint(
        name="readInbox",
        method="GET",
        path="/v1/inbox",
        summary="Show what people sent to an account that you may read.",
        handler=questions.get_inbox,
        access=Access.CLIENT,
        listeners=PUBLIC,
        query=InboxQuery,
        answers={200: Answer(words="The messages.", kind=InboxShown)},
        failures=(Kind.DENIED, Kind.REFUSED, Kind.CLOSING),
    ),
    Endpoint(
        name="streamEvents",
        method="GET",
        path="/v1/events",
        summary="Stream what becomes of your messages, as server-sent events.",
        handler=questions.get_events,
        access=Access.CLIENT,
        listeners=PUBLIC,
        query=EventsQuery,
        request_headers={questions.LAST_ID: "The id of the last event that you saw; the stream goes on after it."},
        answers={200: Answer(words="Events without end.", media=questions.EVENT_STREAM)},
        failures=(Kind.CLOSING, Kind.TOO_MANY),
        counted=False,
        head=False,
    ),
)
