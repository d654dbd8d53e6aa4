"""Questions of clients: what would be decided, what is known of a number, what came in, what happens."""

import asyncio
from datetime import timedelta

from aiohttp import web

from pointsman.clock import as_utc
from pointsman.daemon.admission import is_still_admitted
from pointsman.daemon.asked import (
    EventsQuery,
    InboxQuery,
    MessageRequest,
    NoPath,
    NoQuery,
    NumberPath,
    message_of,
)
from pointsman.daemon.endpoint import Call, Reply
from pointsman.daemon.house import House
from pointsman.daemon.problems import Failure, FieldProblem, Kind, Place
from pointsman.daemon.shown import KnownLookup, decision_shown, inbox_shown, lookup_shown
from pointsman.errors import InvalidMessage
from pointsman.outcome import Refused

LAST_ID = "Last-Event-ID"
EVENT_STREAM = "text/event-stream"
INBOX_PATIENCE = 60.0
"""Seconds for a provider to tell what came in."""
LONGEST_SPAN = timedelta(days=31)
_LARGEST = 2**62


async def post_explain(house: House, call: Call[NoPath, NoQuery, MessageRequest]) -> Reply:
    """Say which provider would take a message now, and why."""
    return Reply(body=decision_shown(house.gateway.explain(message_of(call.body))))


async def get_lookup(house: House, call: Call[NumberPath, NoQuery, None]) -> Reply:
    """Show what the last lookup of a number told; nobody is asked."""
    try:
        result = house.gateway.known_lookup(call.path.msisdn)
    except InvalidMessage as error:
        problem = FieldProblem(place=Place.PATH, field="msisdn", problem=error.problem)
        raise Failure(Kind.INVALID, errors=[problem]) from None
    if result is None or result.at is None:
        raise Failure(Kind.NOT_FOUND, "no lookup of this number is remembered; POST /v1/lookups asks for one")
    age = (as_utc(house.clock.now()) - result.at).total_seconds()
    return Reply(
        body=KnownLookup(to=call.path.msisdn, lookup=lookup_shown(result), age=round(max(age, 0.0), 3)),
    )


async def get_inbox(house: House, call: Call[NoPath, InboxQuery, None]) -> Reply:
    """Show what people sent to an account that the client may read."""
    query = call.query
    client = house.posture.config.clients.get(call.client)
    if client is None or query.provider not in client.inbox:
        raise Failure(Kind.DENIED, "this client may not read this inbox; the operator can allow it", rule="inbox")
    if query.until - query.since > LONGEST_SPAN:
        problem = FieldProblem(place=Place.QUERY, field="until", problem="is more than 31 days after since")
        raise Failure(Kind.INVALID, errors=[problem])
    try:
        async with asyncio.timeout(INBOX_PATIENCE):
            found = await house.gateway.inbox(query.provider, since=query.since, until=query.until)
    except TimeoutError:
        raise Failure(Kind.REFUSED, "the provider did not answer in time") from None
    if isinstance(found, Refused):
        raise Failure(Kind.REFUSED, f"the provider did not tell ({found.fault})")
    return Reply(body=inbox_shown(found))


async def get_events(house: House, call: Call[NoPath, EventsQuery, None]) -> web.StreamResponse:
    """Stream a client's news."""
    after = _begin(call)
    store = house.gateway.store
    with house.streams.place(call.client, house.posture.daemon.max_streams):
        house.figures.streams(house.streams.count)
        try:
            place = await store.last_news() if after is None else after
            headers = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            response = web.StreamResponse(headers=headers)
            response.headers["X-Request-Id"] = call.request_id
            await response.prepare(call.raw)
            await house.streams.run(response, store, call.client, place, lambda: _may_go_on(house, call))
        finally:
            house.figures.streams(house.streams.count - 1)
    return response


def _may_go_on(house: House, call: Call[NoPath, EventsQuery, None]) -> bool:
    """Say whether a stream has still a reader, and one who may read: a reload may have taken his key away."""
    return call.raw.transport is not None and is_still_admitted(house, call.raw, call.client)


def _begin(call: Call[NoPath, EventsQuery, None]) -> int | None:
    """Return the place after which a stream begins; None: with what comes next."""
    text = call.raw.headers.get(LAST_ID)
    if text is None:
        return call.query.after
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST))):
        problem = FieldProblem(place=Place.HEADER, field=LAST_ID, problem="is no id of an event")
        raise Failure(Kind.INVALID, errors=[problem])
    return min(int(text), _LARGEST)
