"""Outgoing HTTP: the only place that opens sockets, and the only one that reveals secrets."""

from pointsman.transport.client import Transport
from pointsman.transport.values import Endpoint, Exchange, Failure, FailureReason, Progress

__all__ = ["Endpoint", "Exchange", "Failure", "FailureReason", "Progress", "Transport"]
