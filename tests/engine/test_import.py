"""Importing the package does nothing but make its names known."""

import subprocess
import sys

PROBE = """
import asyncio, importlib, logging, signal, sys, threading, warnings
warnings.simplefilter("error")

import prometheus_client, structlog

def world():
    return {
        "handlers": list(logging.getLogger().handlers),
        "level": logging.getLogger().level,
        "levels": {name: one.level for name, one in logging.root.manager.loggerDict.items()
                   if isinstance(one, logging.Logger) and (one.level or one.handlers)},
        "metrics": sorted(metric.name for metric in prometheus_client.REGISTRY.collect()),
        "structlog": structlog.is_configured(),
        "threads": [thread.name for thread in threading.enumerate()],
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "hook": (sys.excepthook, threading.excepthook),
        "policy": type(asyncio.get_event_loop_policy()).__name__,
    }

before = world()
for module in sys.argv[1:]:
    importlib.import_module(module)
after = world()
assert before == after, {key: (before[key], after[key]) for key in before if before[key] != after[key]}
plugins = [name for name in sys.modules if name.startswith("pointsman_")]
assert plugins == [], plugins
"""
MODULES = ("pointsman", "pointsman.plugin", "pointsman.sandbox", "pointsman.testing", "pointsman.telemetry")


def test_an_import_has_no_effects():
    """No handler, level, metric, thread, signal or hook is changed, no plugin is loaded, and nothing is printed."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *MODULES], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
