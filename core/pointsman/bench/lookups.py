"""How much faster lookups are when they travel together: 200 numbers in a request, against one request each.

The provider's sandbox runs in a process of its own and takes its time for a request, as a provider far away does; that
is what is saved.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from pointsman.bench.figures import Figure, Found
from pointsman.bench.traffic import number_of
from pointsman.events import Event, MessageMoved
from pointsman.message import HlrLookup
from pointsman.outcome import State
from pointsman.router import Router

BUDGET = 20.0
ROUNDS = 3
BATCH = 200
_SINGLE_A_SECOND = 40
"""Numbers of a round for each second of its length; of those that travel together there are `BATCH` times as many."""

_CONFIG = """
[providers.lookups]
plugin = "affiliate_hlr"
base_url = "http://127.0.0.1:{port}"
api_key = {{ env = "AFFILIATE_KEY" }}
batch_size = {batch}
currency = "EUR"
max_in_flight = 4
prices = [ {{ country = "RU", channel = "hlr", price = "0.01" }} ]
poll = {{ first = "1h" }}
"""


async def measure_lookups(seconds: float) -> tuple[Found, ...]:
    """Measure lookups in batches against lookups one by one, in alternating rounds of about `seconds` each."""
    count = max(int(seconds * _SINGLE_A_SECOND), 10)
    together, alone = [], []
    async with _provider() as (port, key):
        for number in range(ROUNDS):
            first = number * 1_000_000
            alone.append(await _rate(port, key, 1, range(first, first + count)))
            first += count
            together.append(await _rate(port, key, BATCH, range(first, first + count * BATCH // 4)))
    ratios = tuple(one / other for one, other in zip(together, alone, strict=True))
    return (
        Figure(
            name=f"lookups, {BATCH} in a request",
            rate=median(together),
            baseline=median(alone),
            ratio=median(ratios),
            budget=BUDGET,
            rounds=ratios,
        ),
    )


async def _rate(port: int, key: str, batch: int, numbers: range) -> float:
    """Return how many numbers a second the provider is asked about, by a router in this process."""
    taken = 0
    done = asyncio.Event()

    def count(event: Event) -> None:
        nonlocal taken
        if isinstance(event, MessageMoved) and event.after is State.SENT:
            taken += 1
            if taken == len(numbers):
                done.set()

    with TemporaryDirectory() as folder:
        config = Path(folder) / "router.toml"
        config.write_text(_CONFIG.format(port=port, batch=batch))
        env = {"AFFILIATE_KEY": key}
        async with Router.from_toml(config, env=env, observers=(count,), only_loopback=True) as router:
            began = time.perf_counter()
            for number in numbers:
                await router.submit(HlrLookup(to=number_of(number)))
            await done.wait()
            return len(numbers) / (time.perf_counter() - began)


@asynccontextmanager
async def _provider() -> AsyncIterator[tuple[int, str]]:
    """Run the sandbox in a process of its own; yield its port and its key."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pointsman.bench.faraway",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the provider of the measurement has no pipes")
        port, key = (await process.stdout.readline()).decode().split()
        yield int(port), key
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
