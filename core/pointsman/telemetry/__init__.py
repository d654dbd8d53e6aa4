"""What the world sees of a router: metrics and log lines, made by observers of its events."""

from pointsman.telemetry.logs import LogObserver
from pointsman.telemetry.masking import Masker, scrub
from pointsman.telemetry.metrics import Labels, MetricsObserver
from pointsman.telemetry.pipeline import LogFormat, LogLevel, build_logger
from pointsman.telemetry.redaction import Redactor
from pointsman.telemetry.registry import Registry, render
from pointsman.telemetry.sink import Sink, ThreadSink
from pointsman.telemetry.state import StateObserver

__all__ = [
    "Labels",
    "LogFormat",
    "LogLevel",
    "LogObserver",
    "Masker",
    "MetricsObserver",
    "Redactor",
    "Registry",
    "Sink",
    "StateObserver",
    "ThreadSink",
    "build_logger",
    "render",
    "scrub",
]
