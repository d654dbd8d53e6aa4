"""The daemon as its users run it: the real command in a process of its own, which can be ended in every way."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from random import SystemRandom

import aiohttp

READY_WITHIN = 30.0
"""Seconds from the start until it must be ready; far more than it takes, because test machines are busy."""


def free_port() -> int:
    """Return a port that nobody listens on.

    It is none of those that the system gives to outgoing connections: while the daemon is dead, one could take it.
    """
    while True:
        port = SystemRandom().randrange(15_000, 30_000)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


class Daemon:
    """One daemon after the other on the same configuration. State: the process that runs now, and what was started."""

    def __init__(self, config: Path, environment: dict[str, str], port: int, admin: int) -> None:
        self._config = config
        self.environment = environment
        self.url = f"http://127.0.0.1:{port}"
        self.admin = f"http://127.0.0.1:{admin}"
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self.log = config.with_name("daemon.log")

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("pointsman")), "serve", "--config", str(self._config),
                env={**os.environ, **self.environment}, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await self._until_ready()

    async def kill(self) -> None:
        """End it at once, as a crash or the kernel's memory killer does."""
        await self._end(signal.SIGKILL)

    async def terminate(self, within: float = 30.0) -> int:
        """Ask it to end; return how it ended."""
        return await self._end(signal.SIGTERM, within)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def _end(self, number: signal.Signals, within: float = 10.0) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), within)

    async def _until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_WITHIN
        async with aiohttp.ClientSession() as session:
            while loop.time() < until:
                assert self._process is not None
                if self._process.returncode is not None:
                    tail = self.log.read_text(errors="replace")[-2000:]
                    raise AssertionError(
                        f"the daemon ended with {self._process.returncode} instead of starting: {tail}"
                    )
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"the daemon was not ready within {READY_WITHIN} s")
