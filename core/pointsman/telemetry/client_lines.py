"""The log lines about clients: what was posted to their webhooks, and what their limits stopped."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from pointsman.events import Event, GuardStopped, WebhookGivenUp, WebhookOutcome, WebhookPosted
from pointsman.telemetry.masking import scrub
from pointsman.telemetry.pipeline import LogLevel


class Line(msgspec.Struct, frozen=True):
    """A log line before it is written."""

    level: LogLevel
    name: str
    fields: Mapping[str, object]
    """Those without a value are left out."""


def _posted(event: WebhookPosted) -> Line:
    return Line(
        LogLevel.INFO if event.outcome is WebhookOutcome.TAKEN else LogLevel.WARNING,
        "webhook.post",
        {
            "message_id": event.message_id,
            "client": event.client,
            "webhook_id": event.webhook_id,
            "host": scrub(event.host),
            "outcome": event.outcome,
            "http_status": event.http_status,
            "duration_ms": round(event.duration * 1000, 3),
            "tries": event.tries,
            "detail": scrub(event.detail) or None,
        },
    )


def _given_up(event: WebhookGivenUp) -> Line:
    return Line(
        LogLevel.ERROR,
        "webhook.dead",
        {"message_id": event.message_id, "client": event.client, "reason": scrub(event.reason)},
    )


def _stopped(event: GuardStopped) -> Line:
    return Line(
        LogLevel.WARNING,
        "guard.stopped",
        {
            "client": event.client,
            "rule": event.rule,
            "channel": event.channel,
            "country": event.country,
            "retry_after": round(event.retry_after, 1) if event.retry_after is not None else None,
        },
    )


CLIENT_LINES: Mapping[type[Event], Callable[[Any], Line]] = MappingProxyType(
    {WebhookPosted: _posted, WebhookGivenUp: _given_up, GuardStopped: _stopped}
)
"""How each of these events is written."""
