"""All endpoints, declared once: routes, checks and the OpenAPI document come from here."""

from collections.abc import Mapping
from typing import Any

from pointsman.daemon import browsing, messages, operations, questions
from pointsman.daemon.asked import (
    AnyQuery,
    CallbackPath,
    DeadQuery,
    DrainRequest,
    EventsQuery,
    InboxQuery,
    LookupRequest,
    MessagePath,
    MessageRequest,
    Nothing,
    NumberPath,
    ProviderPath,
    ReferenceQuery,
    RetryRequest,
)
from pointsman.daemon.endpoint import ADMIN, BOTH, PUBLIC, Access, Answer, Body, Endpoint
from pointsman.daemon.problems import Kind
from pointsman.daemon.shown import (
    ClientsShown,
    DecisionShown,
    HealthShown,
    InboxShown,
    KnownLookup,
    LettersShown,
    ProbeShown,
    ProviderShown,
    ProvidersShown,
    ReceiptShown,
    ReceiptsShown,
    ReloadShown,
    RevivedShown,
    TakenShown,
)

_TAKING = (Kind.DENIED, Kind.KEY_REUSED, Kind.BUSY, Kind.STORE, Kind.CLOSING)
_CHANNEL: Mapping[str, str] = {"channel": "sms"}
_IDEMPOTENT: Mapping[str, str] = {
    messages.KEY_HEADER: "1 to 255 printable characters; the same key with the same request is carried out once."
}
_REPLAY: Mapping[str, str] = {messages.REPLAY_HEADER: "`true` when the key had brought the same request before."}
_TAKEN = {202: Answer(words="Taken and written down.", kind=TakenShown | tuple[TakenShown, ...], headers=_REPLAY)}
_HEALTH = Answer(words="All is well.", kind=HealthShown)
_PROVIDER = {200: Answer(words="How the provider is doing now.", kind=ProviderShown)}
_PROBED = {200: Answer(words="What it said.", kind=ProbeShown)}
_HEARD = {200: Answer(words="What the provider wants to hear, in its own form.", media="text/plain")}

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
"""What clients use."""

MANAGEMENT: tuple[Endpoint[Any, Any, Any], ...] = (
    Endpoint(
        name="listProviders",
        method="GET",
        path="/v1/providers",
        summary="Show how all providers are doing.",
        handler=operations.get_providers,
        access=Access.MANAGEMENT,
        listeners=ADMIN,
        answers={200: Answer(words="The providers.", kind=ProvidersShown)},
    ),
    *(
        Endpoint(
            name=f"{act}Provider",
            method="POST",
            path=f"/v1/providers/{{name}}/{act}",
            summary=summary,
            handler=handler,
            access=Access.MANAGEMENT,
            listeners=ADMIN,
            variables=ProviderPath,
            body=Body.JSON,
            body_kind=body,
            answers=answers,
            failures=(Kind.NOT_FOUND, Kind.STORE, Kind.CLOSING),
        )
        for act, summary, handler, body, answers in (
            (
                "drain",
                "Take a provider out of use until it is resumed, also after a restart.",
                operations.post_drain,
                DrainRequest,
                _PROVIDER,
            ),
            ("resume", "Put a provider back into use.", operations.post_resume, Nothing, _PROVIDER),
            ("probe", "Ask a provider now whether it lets us in.", operations.post_probe, Nothing, _PROBED),
        )
    ),
    Endpoint(
        name="listClients",
        method="GET",
        path="/v1/clients",
        summary="Show what all clients used today, and what they may use.",
        handler=operations.get_clients,
        access=Access.MANAGEMENT,
        listeners=ADMIN,
        answers={200: Answer(words="The clients.", kind=ClientsShown)},
    ),
    Endpoint(
        name="listDeadNews",
        method="GET",
        path="/v1/webhooks/dead",
        summary="Show the news that could not be posted to clients, and are not tried any more.",
        handler=operations.get_dead,
        access=Access.MANAGEMENT,
        listeners=ADMIN,
        query=DeadQuery,
        answers={200: Answer(words="The news, without the addresses.", kind=LettersShown)},
    ),
    Endpoint(
        name="retryDeadNews",
        method="POST",
        path="/v1/webhooks/retry",
        summary="Post such news again: those named, or all of a client.",
        handler=operations.post_retry,
        access=Access.MANAGEMENT,
        listeners=ADMIN,
        body=Body.JSON,
        body_kind=RetryRequest,
        answers={200: Answer(words="How many there were.", kind=RevivedShown)},
        failures=(Kind.STORE, Kind.CLOSING),
    ),
    Endpoint(
        name="reload",
        method="POST",
        path="/-/reload",
        summary="Take in the configuration anew; one that is not valid changes nothing.",
        handler=operations.post_reload,
        access=Access.MANAGEMENT,
        listeners=ADMIN,
        body=Body.JSON,
        body_kind=Nothing,
        answers={200: Answer(words="The configuration that is in force now.", kind=ReloadShown)},
        failures=(Kind.CONFIGURATION, Kind.CLOSING, Kind.STORE),
    ),
    Endpoint(
        name="metrics",
        method="GET",
        path="/metrics",
        summary="All metrics, in the text format of Prometheus.",
        handler=operations.get_metrics,
        access=Access.MANAGEMENT,
        listeners=ADMIN,
        query=AnyQuery,
        answers={200: Answer(words="The metrics.", media="text/plain")},
    ),
)
"""What operators use."""

OPEN: tuple[Endpoint[Any, Any, Any], ...] = (
    *(
        Endpoint(
            name=name,
            method=method,
            path="/v1/callbacks/{provider}/{token}",
            summary="Take in what a provider reports.",
            handler=operations.take_callback,
            access=Access.OPEN,
            listeners=PUBLIC,
            variables=CallbackPath,
            query=AnyQuery,
            body=body,
            answers=_HEARD,
            head=False,
            failures=(Kind.NOT_FOUND, Kind.STORE, Kind.CLOSING),
        )
        for name, method, body in (("reportByGet", "GET", Body.NONE), ("reportByPost", "POST", Body.RAW))
    ),
    Endpoint(
        name="live",
        method="GET",
        path="/livez",
        summary="Whether the server lives.",
        handler=operations.get_live,
        access=Access.OPEN,
        listeners=BOTH,
        query=AnyQuery,
        answers={200: _HEALTH},
        counted=False,
    ),
    Endpoint(
        name="ready",
        method="GET",
        path="/readyz",
        summary="Whether messages are taken, and if not, why.",
        handler=operations.get_ready,
        access=Access.OPEN,
        listeners=BOTH,
        query=AnyQuery,
        answers={200: _HEALTH, 503: Answer(words="Messages are not taken now.", kind=HealthShown)},
        counted=False,
    ),
    Endpoint(
        name="openapi",
        method="GET",
        path="/openapi.json",
        summary="This document.",
        handler=browsing.get_openapi,
        access=Access.OPEN,
        listeners=BOTH,
        query=AnyQuery,
        answers={200: Answer(words="The document.")},
    ),
    *(
        Endpoint(
            name=name,
            method="GET",
            path=path,
            summary=summary,
            handler=browsing.get_page,
            access=Access.OPEN,
            listeners=BOTH,
            query=AnyQuery,
            answers={200: Answer(words="A file for browsers.", media=media)},
        )
        for name, path, summary, media in (
            ("docs", "/docs", "These pages, to read and to try out.", "text/html"),
            ("docsScript", "/docs/page.js", "Their script.", "text/javascript"),
            ("docsStyle", "/docs/page.css", "Their looks.", "text/css"),
        )
    ),
)
"""What needs no key."""

ENDPOINTS = (*CLIENTS, *MANAGEMENT, *OPEN)
