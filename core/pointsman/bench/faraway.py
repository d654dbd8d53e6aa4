"""A provider of lookups that is far away: its sandbox, which takes its time for each request.

Started as `python -m pointsman.bench.faraway`, it prints its port and its key, and serves until its standard input is
closed.
"""

import asyncio
import importlib
import sys

from pointsman.loading import load_plugins
from pointsman.sandbox import delay

TAKES = 0.1
"""Seconds for a request."""


async def _serve() -> None:
    place = load_plugins().providers["affiliate_hlr"].sandbox or ""
    module, _, attribute = place.partition(":")
    async with getattr(importlib.import_module(module), attribute)(light=True, balance=10**9) as box:
        box.faults.add(delay(TAKES, endpoint="hlr/create", times=None))
        sys.stdout.write(f"{box.port} {box.environment['AFFILIATE_KEY']}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
