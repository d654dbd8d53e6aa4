"""Operations: probes, metrics, providers in and out of use, the configuration anew; and what providers report."""

import asyncio
from collections.abc import Awaitable, Callable

from pointsman.daemon.asked import (
    AnyQuery,
    CallbackPath,
    DeadQuery,
    DrainRequest,
    NoPath,
    NoQuery,
    Nothing,
    ProviderPath,
    RetryRequest,
)
from pointsman.daemon.endpoint import Call, Reply
from pointsman.daemon.house import House
from pointsman.daemon.limits import is_within
from pointsman.daemon.problems import STORE_RETRY, Failure, Kind, at_field
from pointsman.daemon.shown import (
    ClientsShown,
    HealthShown,
    LettersShown,
    ProbeShown,
    ProvidersShown,
    RevivedShown,
    letter_shown,
    provider_shown,
    used_shown,
)
from pointsman.engine.receiving import is_known
from pointsman.plugin import Callback
from pointsman.telemetry import render

METRICS_MEDIA = "text/plain; version=0.0.4; charset=utf-8"
MOST_CALLBACK = 65_536
"""Bytes of a provider's report."""
NOT_HERE = "there is nothing here"


async def get_live(house: House, call: Call[NoPath, AnyQuery, None]) -> Reply:
    """Say that the server lives: the loop turns, or nobody would answer."""
    del house, call
    return Reply(body=HealthShown(ok=True))


async def get_ready(house: House, call: Call[NoPath, AnyQuery, None]) -> Reply:
    """Say whether messages are taken, and why not."""
    del call
    reasons = house.readiness()
    return Reply(status=200 if reasons.ok else 503, body=HealthShown(ok=reasons.ok, checks=reasons.checks))


async def get_metrics(house: House, call: Call[NoPath, AnyQuery, None]) -> Reply:
    """Render the metrics, in a thread: that takes its time."""
    del call
    return Reply(body=await asyncio.to_thread(render, house.registry), media=METRICS_MEDIA)


async def get_providers(house: House, call: Call[NoPath, NoQuery, None]) -> Reply:
    """Show how all providers are doing."""
    del call
    return Reply(body=ProvidersShown(providers=tuple(map(provider_shown, house.gateway.providers()))))


async def post_drain(house: House, call: Call[ProviderPath, NoQuery, DrainRequest]) -> Reply:
    """Take a provider out of use."""
    reason = call.body.reason
    return await _controlled(house, call.path.name, lambda name: house.gateway.drain(name, reason))


async def post_resume(house: House, call: Call[ProviderPath, NoQuery, Nothing]) -> Reply:
    """Put a provider back into use."""
    return await _controlled(house, call.path.name, house.gateway.resume)


async def post_probe(house: House, call: Call[ProviderPath, NoQuery, Nothing]) -> Reply:
    """Ask a provider now whether it lets us in."""
    try:
        probed = await house.gateway.probe(call.path.name)
    except KeyError:
        raise _no_provider() from None
    return Reply(body=ProbeShown(ok=probed.ok, detail=probed.detail))


async def get_clients(house: House, call: Call[NoPath, NoQuery, None]) -> Reply:
    """Show what all clients used today, and what they may."""
    del call
    return Reply(body=ClientsShown(clients=tuple(map(used_shown, house.company.guard.usage()))))


async def get_dead(house: House, call: Call[NoPath, DeadQuery, None]) -> Reply:
    """Show the news that are not posted any more."""
    query = call.query
    found = await house.company.poster.dead(query.after, query.limit, client=query.client)
    return Reply(body=LettersShown(letters=tuple(map(letter_shown, found))))


async def post_retry(house: House, call: Call[NoPath, NoQuery, RetryRequest]) -> Reply:
    """Post news again that were given up."""
    asked, poster = call.body, house.company.poster
    if (asked.client is None) is not bool(asked.seqs):
        raise Failure(Kind.INVALID, errors=[at_field("seqs", "name some, or a client for all of its news; not both")])
    revived = await (poster.retry_all(asked.client) if asked.client is not None else poster.retry(asked.seqs))
    return Reply(body=RevivedShown(revived=revived))


async def post_reload(house: House, call: Call[NoPath, NoQuery, Nothing]) -> Reply:
    """Take in the configuration anew; one that is not valid changes nothing."""
    del call
    return Reply(body=await house.reload())


def check_reporter(house: House, path: CallbackPath, address: str) -> None:
    """Raise `Failure` unless somebody may report.

    A provider without a token, a wrong token and a wrong address are all the same to the caller. This comes before the
    body is read, or strangers could take all places of `max_requests` with bodies that never end.
    """
    networks = house.posture.reporters.get(path.provider)
    if networks is None or (networks and not is_within(address, networks)):
        raise Failure(Kind.NOT_FOUND, NOT_HERE)
    if not is_known(house.posture.config.providers[path.provider].callback_token, path.token):
        raise Failure(Kind.NOT_FOUND, NOT_HERE)


async def take_callback(house: House, call: Call[CallbackPath, AnyQuery, bytes | None]) -> Reply:
    """Take in what a provider reports; it is answered when that is written down."""
    provider, token = call.path.provider, call.path.token
    callback = Callback(
        method=call.raw.method,
        query=tuple(call.raw.query.items()),
        content_type=call.raw.headers.get("Content-Type", ""),
        body=call.body or b"",
    )
    try:
        answer = await house.gateway.callback(provider, callback, token)
    except KeyError:
        raise Failure(Kind.NOT_FOUND, NOT_HERE) from None
    if answer.status == 404:
        raise Failure(Kind.NOT_FOUND, NOT_HERE)
    if answer.status == 503:
        raise Failure(Kind.STORE, answer.body.decode("utf-8", "replace"), retry_after=STORE_RETRY)
    media = answer.headers.get("content-type", "text/plain; charset=utf-8")
    return Reply(status=answer.status, body=answer.body, media=media)


async def _controlled(house: House, name: str, act: Callable[[str], Awaitable[object]]) -> Reply:
    try:
        await act(name)
    except KeyError:
        raise _no_provider() from None
    status = next((one for one in house.gateway.providers() if one.name == name), None)
    if status is None:
        raise _no_provider()
    return Reply(body=provider_shown(status))


def _no_provider() -> Failure:
    return Failure(Kind.NOT_FOUND, "there is no such provider")
