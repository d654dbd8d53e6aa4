"""The real `pointsman serve` in a process of its own, as an operator runs it: durable journal, metrics, log of JSON."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import aiohttp
import msgspec

from pointsman.bench.traffic import CONCURRENCY, LOGIN
from pointsman.daemon.keys import NewKey, make_key

Result = TypeVar("Result")
COMMAND = (sys.executable, "-c", "import sys; from pointsman.cli import main; sys.exit(main())")
PATIENCE = 120.0
"""Seconds within which the server must be ready, or have sent what was posted."""
LOOK_EVERY = 0.02
JOURNAL = "journal.db"

_CONFIG = """
[router]
store = "sqlite:{folder}/journal.db"
log_format = "json"

[daemon]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
drain_delay = "1ms"

[guard]
per_number = []

[clients.bench]
key_sha256 = "{hash}"

[providers.bench]
plugin = "devino"
base_url = "http://127.0.0.1:{port}/rest"
login = {{ env = "LOGIN" }}
password = {{ env = "PASSWORD" }}
senders = ["BENCH"]
currency = "EUR"
max_in_flight = {concurrency}
prices = [ {{ country = "RU", channel = "sms", price = "0.01" }} ]
poll = {{ first = "1h" }}
"""


class _Line(msgspec.Struct):
    """What is read of a line of the log."""

    event: str
    listen: str = ""
    admin: str = ""


class Daemon:
    """A server under measurement: where it is, and what it tells of itself."""

    def __init__(self, pid: int, line: _Line, key: NewKey, session: aiohttp.ClientSession) -> None:
        self.port = int(line.listen.rpartition(":")[2])
        self.key = key.key
        self._pid = pid
        self._admin = f"http://{line.admin}"
        self._session = session

    async def metric(self, name: str, *labels: str) -> float:
        """Return the sum of the samples of a metric that have these labels, each written as `name="value"`."""
        async with self._session.get(f"{self._admin}/metrics") as answer:
            text = await answer.text()
        found = 0.0
        for line in text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(label in series for label in labels):
                found += float(value)
        return found

    async def sent(self) -> int:
        """Return how many messages were sent and settled: the outcome is in the journal, and was told."""
        return int(await self.metric("pointsman_messages_total", 'state="sent"'))

    async def is_ready(self) -> bool:
        """Say whether `/readyz` says 200."""
        async with self._session.get(f"{self._admin}/readyz") as answer:
            return answer.status == 200

    def memory(self) -> float:
        """Return the resident memory of the process in MiB."""
        pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def peak(self) -> float:
        """Return the most memory that was resident at once, in MiB."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """Yield a folder for a journal; on the disk, because what is `/tmp` may be memory."""
    disk = Path("/var/tmp")  # noqa: S108 - the folder in it is made with a name of its own
    with TemporaryDirectory(prefix="pointsman-bench-", dir=disk if disk.is_dir() else None) as folder:
        yield Path(folder)


@asynccontextmanager
async def serving(folder: Path, provider: int) -> AsyncIterator[Daemon]:
    """Run the server with its journal in `folder`, over the provider of the measurement; it is ready then."""
    key = make_key()
    config = folder / "router.toml"
    config.write_text(_CONFIG.format(folder=folder, hash=key.key_sha256, port=provider, concurrency=CONCURRENCY))
    log = folder / "log.jsonl"
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", "-c", str(config), stdout=stream, env={**os.environ, **LOGIN}
        )
    try:
        async with aiohttp.ClientSession() as session:
            daemon = Daemon(process.pid, await _started(process, log), key, session)
            await until(daemon.is_ready)
            yield daemon
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _started(process: asyncio.subprocess.Process, log: Path) -> _Line:
    """Wait for the line in which the server says where it listens."""

    async def line() -> _Line | None:
        if process.returncode is not None:
            raise RuntimeError("the server under measurement did not start; it says why above")
        return _line_of(log)

    return await until(line)


def _line_of(log: Path) -> _Line | None:
    lines = (line for line in log.read_bytes().split(b"\n") if b'"daemon.started"' in line)
    first = next(lines, None)
    return msgspec.json.decode(first, type=_Line) if first is not None else None


async def until(look: Callable[[], Awaitable[Result | None]], every: float = LOOK_EVERY) -> Result:
    """Look again and again until there is something; return it. Raises `RuntimeError` after `PATIENCE` seconds."""
    end = time.perf_counter() + PATIENCE
    while not (found := await look()):
        if time.perf_counter() > end:
            raise RuntimeError("the server under measurement did not do what it was asked for")
        await asyncio.sleep(every)
    return found
