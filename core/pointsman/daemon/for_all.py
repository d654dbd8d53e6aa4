"""The endpoints that need no key: callbacks of providers, probes, and the documentation."""

from typing import Any

from pointsman.daemon import browsing, operations
from pointsman.daemon.asked import (
    AnyQuery,
    CallbackPath,
)
from pointsman.daemon.endpoint import BOTH, PUBLIC, Access, Answer, Body, Endpoint
from pointsman.daemon.problems import Kind
from pointsman.daemon.shown import (
    HealthShown,
)

_HEALTH = Answer(words="All is well.", kind=HealthShown)
_HEARD = {200: Answer(words="What the provider wants to hear, in its own form.", media="text/plain")}

OPEN: tuple[Endpoint[Any, Any, Any], ...] = (
    *(
        Endpoint(
            name=name,
            method=method,
            path="/v1/callbacks/{provider}/{token}",
            summary="Take in what a provider reports.",
            handler=operations.take_callback,
            before=operations.check_reporter,
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
