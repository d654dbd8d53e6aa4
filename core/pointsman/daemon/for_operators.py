"""The endpoints that operators use."""

from typing import Any

from pointsman.daemon import operations
from pointsman.daemon.asked import (
    AnyQuery,
    DeadQuery,
    DrainRequest,
    Nothing,
    ProviderPath,
    RetryRequest,
)
from pointsman.daemon.endpoint import ADMIN, Access, Answer, Body, Endpoint
from pointsman.daemon.problems import Kind
from pointsman.daemon.shown import (
    ClientsShown,
    LettersShown,
    ProbeShown,
    ProviderShown,
    ProvidersShown,
    ReloadShown,
    RevivedShown,
)

_PROVIDER = {200: Answer(words="How the provider is doing now.", kind=ProviderShown)}
_PROBED = {200: Answer(words="What it said.", kind=ProbeShown)}

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
