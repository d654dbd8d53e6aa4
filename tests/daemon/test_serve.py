"""The command `pointsman serve` as a process: how it starts, how it ends, what signals and systemd mean to it."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pointsman.daemon.keys import make_key
from pointsman.sandbox import DeliveryPlan, delay
from pointsman_smstele.sandbox import SmsteleSandbox

KEY = make_key()
COMMAND = [sys.executable, "-c", "import sys; from pointsman.cli import main; sys.exit(main())"]
PATIENCE = 20.0


class Process:
    """A server of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(json.loads(line))

    async def line(self, event: str) -> dict[str, Any]:
        """Wait for a line of the log."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for line in self.lines:
                    if line["event"] == event:
                        return line
                if self._reading.done():
                    raise EOFError(await self.errors())
                await asyncio.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end; return the exit code."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self._reading
        return code

    async def errors(self) -> str:
        """Return what was written to standard error."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@pytest.fixture
async def box() -> AsyncIterator[SmsteleSandbox]:
    """A provider."""
    sandbox = SmsteleSandbox(delivery=DeliveryPlan(seconds_to_sent=0.0, seconds_to_final=0.05))
    await sandbox.start()
    yield sandbox
    await sandbox.close()


def configured(folder: Path, box: SmsteleSandbox, **daemon: str) -> Path:
    """Write a configuration."""
    rules = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "drain_delay": "1ms", "drain_patience": "10s", **daemon}
    lines = ["[daemon]", *(f'{key} = "{value}"' for key, value in rules.items())]
    path = folder / "router.toml"
    path.write_text(
        "\n".join(lines)
        + f"""
[clients.shop]
key_sha256 = "{KEY.key_sha256}"
[rates]
RUB = "0.01"
[providers.smstele]
plugin = "smstele"
base_url = "{box.base_url}"
login = {{ env = "SMSTELE_LOGIN" }}
password = {{ env = "SMSTELE_PASSWORD" }}
senders = ["SHOP"]
poll = {{ first = "50ms" }}
"""
    )
    return path


@asynccontextmanager
async def running(config: Path, box: SmsteleSandbox, **environment: str) -> AsyncIterator[Process]:
    """Run the command; whatever still runs at the end is killed."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "serve",
        "-c",
        str(config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **box.environment, **environment},
    )
    server = Process(process)
    try:
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await server.ended()
        await server.errors()


async def post(server: Process, text: str = "hello") -> int:
    """Post a message; return the status."""
    address = (await server.line("daemon.started"))["listen"]
    headers = {"Authorization": f"Bearer {KEY.key}"}
    async with aiohttp.ClientSession() as session:
        body = {"to": "79161234567", "text": text}
        async with session.post(f"http://{address}/v1/messages", json=body, headers=headers) as response:
            return response.status


async def taken_by(box: SmsteleSandbox, to: str) -> None:
    """Wait until the provider has a message to this number."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if any(one.to == to for one in box.ledger.messages):
                return
            await asyncio.sleep(0.02)


async def ready(address: str) -> int:
    """Return the status of `/readyz`."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}/readyz") as response:
        return response.status


async def test_sigterm_drains(tmp_path, box: SmsteleSandbox):
    """After SIGTERM the server first says that it is not ready, then ends what is in flight, and exits with 0."""
    box.faults.add(delay(0.5, accepted=True))
    async with running(configured(tmp_path, box, drain_delay="300ms"), box) as server:
        assert await post(server) == 202
        server.signal(signal.SIGTERM)
        started = await server.line("daemon.started")
        await server.line("daemon.draining")
        assert await ready(started["listen"]) == 503

        assert await server.ended() == 0

        assert server.lines[-1]["event"] == "daemon.stopped"
        calls = [line for line in server.lines if line["event"] == "provider.call" and line["operation"] == "submit"]
        assert [line["outcome"] for line in calls] == ["accepted"]
        assert await server.errors() == ""


async def test_a_second_signal_ends_it_at_once(tmp_path, box: SmsteleSandbox):
    """Who sends SIGTERM twice does not wait for the drain; the exit code tells."""
    async with running(configured(tmp_path, box, drain_delay="1h"), box) as server:
        await server.line("daemon.started")
        server.signal(signal.SIGTERM)
        await server.line("daemon.draining")
        server.signal(signal.SIGINT)

        assert await server.ended() == 1
        assert server.lines[-1]["event"] == "daemon.stopped"


async def test_a_second_signal_does_not_wait_for_what_is_in_flight(tmp_path, box: SmsteleSandbox):
    """Also while it waits for a provider the second signal ends it; what was in flight is unknown, not lost."""
    box.faults.add(delay(30.0, accepted=True))
    config = configured(tmp_path, box, drain_patience="1m")
    config.write_text(f'[router]\nstore = "sqlite:{tmp_path / "journal.db"}"\n' + config.read_text())
    async with running(config, box) as server:
        assert await post(server) == 202
        await asyncio.sleep(0.2)
        server.signal(signal.SIGTERM)
        await server.line("daemon.draining")
        await asyncio.sleep(0.5)
        server.signal(signal.SIGTERM)

        assert await server.ended() == 1
        assert server.lines[-1]["event"] == "daemon.stopped"
        assert await server.errors() == ""


async def test_what_was_cancelled_is_not_sent_after_a_kill(tmp_path, box: SmsteleSandbox):
    """A message in its provider's queue is cancelled; the server is killed once it has answered, and never sends it."""
    box.faults.add(delay(30.0, accepted=True))
    config = configured(tmp_path, box)
    journal = f'[router]\nstore = "sqlite:{tmp_path / "journal.db"}"\n'
    config.write_text(journal + config.read_text() + "max_in_flight = 1\n")
    numbers = [f"7916123456{last}" for last in range(5)]
    async with running(config, box) as server, aiohttp.ClientSession() as session:
        url = f"http://{(await server.line('daemon.started'))['listen']}/v1/messages"
        headers = {"Authorization": f"Bearer {KEY.key}"}
        ids = []
        for to in numbers[:-1]:
            async with session.post(url, json={"to": to, "text": "hello"}, headers=headers) as response:
                ids.append((await response.json())["id"])
        async with session.delete(f"{url}/{ids[-1]}", headers=headers) as response:
            assert (response.status, (await response.json())["state"]) == (202, "cancelled")
        server.process.kill()
    assert box.ledger.messages == [] or {one.to for one in box.ledger.messages} == {numbers[0]}

    box.faults.clear()
    async with running(config, box) as server, aiohttp.ClientSession() as session:
        url = f"http://{(await server.line('daemon.started'))['listen']}/v1/messages"
        async with session.post(url, json={"to": numbers[-1], "text": "hello"}, headers=headers) as response:
            assert response.status == 202
        await taken_by(box, numbers[-1])
        async with session.get(f"{url}/{ids[-1]}", headers=headers) as response:
            assert (await response.json())["state"] == "cancelled"
    taken = {one.to for one in box.ledger.messages}
    assert taken >= {numbers[1], numbers[2], numbers[4]}
    assert numbers[3] not in taken


async def test_a_port_in_use_is_named(tmp_path, box: SmsteleSandbox):
    """A port that is taken is told with its address; nobody was called meanwhile, and the exit code is 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with running(configured(tmp_path, box, listen=address), box) as server:
            assert await server.ended() == 2
            assert server.lines == []
            assert await server.errors() == (
                f"pointsman: cannot listen on {address}: address already in use; [daemon] listen and admin say where\n"
            )


async def test_a_wrong_configuration_is_told_whole(tmp_path, box: SmsteleSandbox):
    """Everything that is wrong with the configuration stands on standard error, and the exit code is 2."""
    config = configured(tmp_path, box, admin="0.0.0.0:0", drain_delay="soon")
    async with running(config, box) as server:
        assert await server.ended() == 2
        errors = (await server.errors()).splitlines()
        assert [re.search(r"daemon\.\w+", line)[0] for line in errors] == ["daemon.drain_delay"]
    config = configured(tmp_path, box, admin="0.0.0.0:0")
    async with running(config, box) as server:
        assert await server.ended() == 2
        assert "admin_key_sha256" in await server.errors()


async def test_sighup_takes_the_configuration_in_anew(tmp_path, box: SmsteleSandbox):
    """SIGHUP puts a valid configuration in force; one that is not valid changes nothing and is told with its lines."""
    config = configured(tmp_path, box)
    text = config.read_text()
    async with running(config, box) as server:
        assert await post(server) == 202
        config.write_text(text.replace('senders = ["SHOP"]', "senders = 5"))
        server.signal(signal.SIGHUP)
        refused = await server.line("config.refused")
        assert ":15: providers.smstele.senders: " in refused["problems"][0]
        assert await post(server) == 202

        config.write_text(text.replace('senders = ["SHOP"]', 'senders = ["MART"]'))
        server.signal(signal.SIGHUP)
        assert (await server.line("config.reloaded"))["changes"] == ["provider smstele (senders) changed"]
        assert await post(server) == 202


@pytest.mark.parametrize("name", ["notify", "@pointsman-test-{pid}"])
async def test_systemd_is_told(tmp_path, box: SmsteleSandbox, name: str):
    """Where systemd asks for it, it hears of readiness, of a reload, of signs of life and of the end."""
    address = name.format(pid=os.getpid()) if name.startswith("@") else str(tmp_path / name)
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address.replace("@", "\0", 1) if name.startswith("@") else address)
        channel.setblocking(False)

        async def hear(word: str) -> None:
            async with asyncio.timeout(PATIENCE):
                while not any(word in one for one in heard):
                    heard.append((await asyncio.get_running_loop().sock_recv(channel, 1000)).decode())

        config = configured(tmp_path, box)
        async with running(config, box, NOTIFY_SOCKET=address, WATCHDOG_USEC="200000") as server:
            await hear("READY=1")
            await hear("WATCHDOG=1")
            heard.clear()
            server.signal(signal.SIGHUP)
            await hear("RELOADING=1\nMONOTONIC_USEC=")
            await hear("READY=1")
            server.signal(signal.SIGTERM)
            await hear("STOPPING=1")
            assert await server.ended() == 0
