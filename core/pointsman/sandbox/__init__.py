"""Local servers that behave as a provider's documented API does, faults included."""

from pointsman.sandbox import faults
from pointsman.sandbox.account import Account, Charge, OutOfMoney, Tariff
from pointsman.sandbox.base import Sandbox
from pointsman.sandbox.call import Call, Endpoint, Handler, Header, Reply
from pointsman.sandbox.clock import ShiftedClock
from pointsman.sandbox.delivery import Course, DeliveryPlan, Fate, Outcomes, Stage
from pointsman.sandbox.faults import (
    Action,
    FaultRule,
    FaultScript,
    answer,
    close_after_accept,
    close_before_accept,
    delay,
    error,
    error_after_accept,
    garbage,
    hang_after_accept,
    hang_before_accept,
    quirk,
    slow,
    throttle,
    truncate,
)
from pointsman.sandbox.ledger import Ledger, SandboxMessage, SandboxRequest
from pointsman.sandbox.params import Pair, Params, read_form, read_multipart
from pointsman.sandbox.running import running

__all__ = [
    "Account",
    "Action",
    "Call",
    "Charge",
    "Course",
    "DeliveryPlan",
    "Endpoint",
    "Fate",
    "FaultRule",
    "FaultScript",
    "Handler",
    "Header",
    "Ledger",
    "OutOfMoney",
    "Outcomes",
    "Pair",
    "Params",
    "Reply",
    "Sandbox",
    "SandboxMessage",
    "SandboxRequest",
    "ShiftedClock",
    "Stage",
    "Tariff",
    "answer",
    "close_after_accept",
    "close_before_accept",
    "delay",
    "error",
    "error_after_accept",
    "faults",
    "garbage",
    "hang_after_accept",
    "hang_before_accept",
    "quirk",
    "read_form",
    "read_multipart",
    "running",
    "slow",
    "throttle",
    "truncate",
]
