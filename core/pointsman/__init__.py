"""Pointsman routes SMS, Viber and HLR lookups over several providers, by cost, balance and health.

Ten lines are enough to embed it::

    from pointsman import Router, Sms

    async with Router.from_toml("router.toml") as router:
        receipt = await router.send(Sms(to="+79161234567", text="Your code is 4711"))
        print(receipt.state, receipt.provider)
"""

from pointsman.clock import Clock, SystemClock
from pointsman.engine.journal import read_decisions
from pointsman.errors import (
    ConfigError,
    InvalidMessage,
    InvalidMessages,
    InvalidQuestion,
    NotOffered,
    PluginError,
    PointsmanError,
    RouterClosed,
    SomeFailed,
)
from pointsman.message import (
    Channel,
    Fallback,
    FallbackBy,
    FallbackTrigger,
    HlrLookup,
    Message,
    MessageClass,
    Money,
    Msisdn,
    Network,
    Segments,
    Sms,
    Viber,
)
from pointsman.outcome import (
    Accepted,
    Attempt,
    Fault,
    LookupResult,
    LookupState,
    Outcome,
    Receipt,
    Refused,
    State,
    Unknown,
    UnknownReason,
)
from pointsman.router import Router
from pointsman.routing.inbox import InboxCursor
from pointsman.routing.journal import DecisionMade
from pointsman.routing.replay import Suppose, replay, what_if
from pointsman.routing.words import why
from pointsman.sync import SyncRouter

__all__ = [
    "Accepted",
    "Attempt",
    "Channel",
    "Clock",
    "ConfigError",
    "DecisionMade",
    "Fallback",
    "FallbackBy",
    "FallbackTrigger",
    "Fault",
    "HlrLookup",
    "InboxCursor",
    "InvalidMessage",
    "InvalidMessages",
    "InvalidQuestion",
    "LookupResult",
    "LookupState",
    "Message",
    "MessageClass",
    "Money",
    "Msisdn",
    "Network",
    "NotOffered",
    "Outcome",
    "PluginError",
    "PointsmanError",
    "Receipt",
    "Refused",
    "Router",
    "RouterClosed",
    "Segments",
    "Sms",
    "SomeFailed",
    "State",
    "Suppose",
    "SyncRouter",
    "SystemClock",
    "Unknown",
    "UnknownReason",
    "Viber",
    "read_decisions",
    "replay",
    "what_if",
    "why",
]
