"""What the tests of the server share: a running one over scripted providers, and clients that speak HTTP to it."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from pointsman.config import load_config
from pointsman.daemon.keys import NewKey, make_key
from pointsman.daemon.service import Service
from pointsman.loading import load_plugins
from pointsman.plugin import ProviderPlugin
from pointsman.sandbox import DeliveryPlan
from pointsman.testing import SCRIPTED, ScriptedSandbox

QUICK = DeliveryPlan(seconds_to_sent=0.0, seconds_to_final=0.05)
TOKEN = "a-token-that-nobody-guesses"
NUMBER = "79161234567"
CANARY = "CANARY-5ecret-passw0rd"
"""A secret of the configuration; it must not turn up anywhere."""


class Lines:
    """A sink that keeps its lines."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep one."""
        self.raw.append(line)

    def isatty(self) -> bool:
        """Nobody reads."""
        return False

    @property
    def text(self) -> str:
        """All of them."""
        return b"\n".join(self.raw).decode()

    def of(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of an event, each as JSON."""
        return [line for line in map(json.loads, self.raw) if line["event"] == event]


class Said(msgspec.Struct, frozen=True):
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The kind of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        return self.json["type"].removeprefix("urn:pointsman:problem:")

    @property
    def fields(self) -> list[str]:
        """The fields that a problem document names."""
        return [one["field"] for one in self.json["errors"]]


class Rig:
    """A running server, its provider, its log, and the keys of its clients."""

    def __init__(self, service: Service, box: ScriptedSandbox, lines: Lines, keys: Mapping[str, NewKey], path: Path):
        self.service = service
        self.box = box
        self.lines = lines
        self.keys = keys
        self.path = path
        self.session = aiohttp.ClientSession()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{self.service.public.address}"

    @property
    def admin_url(self) -> str:
        """Where operators find it."""
        return f"http://{self.service.admin.address}"

    def bearer(self, client: str) -> dict[str, str]:
        """Return the header with a client's key."""
        return {"Authorization": f"Bearer {self.keys[client].key}"}

    async def ask(
        self, method: str, path: str, body: Any = None, *, client: str | None = "shop", admin: bool = False, **more: Any
    ) -> Said:
        """Make a request; `body` is sent as JSON unless it is bytes."""
        headers = {**(self.bearer(client) if client else {}), **more.pop("headers", {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        url = (self.admin_url if admin else self.url) + path
        async with self.session.request(method, url, data=body, headers=headers, **more) as response:
            return Said(response.status, response.headers, await response.read())

    async def get(self, path: str, **more: Any) -> Said:
        """Ask for something."""
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Said:
        """Bring something."""
        return await self.ask("POST", path, body, **more)

    async def manage(self, path: str, body: Any = None, **more: Any) -> Said:
        """Bring something to the listener of operators."""
        return await self.ask("POST", path, {} if body is None else body, admin=True, client=None, **more)


async def until(look: Callable[[], Any]) -> Any:
    """Look again and again until there is something; return it. `look` may be a coroutine function."""
    for _ in range(1000):
        found = look()
        found = await found if inspect.isawaitable(found) else found
        if found:
            return found
        await asyncio.sleep(0.01)
    raise TimeoutError


def sms(**fields: Any) -> dict[str, Any]:
    """Return a message."""
    return {"to": NUMBER, "text": "hello", **fields}


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    daemon: Mapping[str, Any] = {},
    account: Mapping[str, Any] = {},
    clients: Mapping[str, Mapping[str, Any]] = {},
    delivery: DeliveryPlan = QUICK,
    store: str = "memory:",
    router: Mapping[str, Any] = {},
    more: str = "",
    plugins: Iterable[ProviderPlugin] = (),
    env: Mapping[str, str] = {},
) -> AsyncIterator[Rig]:
    """Run a server with the clients `shop` and `other`, over one scripted provider."""
    box = ScriptedSandbox(delivery=delivery)
    await box.start()
    keys = {name: make_key() for name in ("shop", "other", *clients)}
    own = {"store": store, **router}
    text = "\n".join(["[router]", *_lines(own), ""]) + configuration(box, keys, daemon, account, clients) + more
    path = folder / "router.toml"
    path.write_text(text, encoding="utf-8")
    found = load_plugins([SCRIPTED, *plugins])
    lines = Lines()
    env = {"TOKEN": TOKEN, "CANARY": CANARY, **env}
    config = load_config(path, plugins=found, env=env)
    service = Service(config, found, lines, environment=env)
    await service.open()
    rig = Rig(service, box, lines, keys, path)
    try:
        yield rig
    finally:
        await rig.session.close()
        await service.close(patience=0.2)
        await box.close()


def configuration(
    box: ScriptedSandbox,
    keys: Mapping[str, NewKey],
    daemon: Mapping[str, Any],
    account: Mapping[str, Any],
    clients: Mapping[str, Mapping[str, Any]],
) -> str:
    """Write a `router.toml`."""
    rules = {
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "drain_delay": "1ms",
        "drain_patience": "1s",
        "body_timeout": "300ms",
        **daemon,
    }
    own = {
        "plugin": "scripted",
        "base_url": box.base_url,
        "tells_reports": True,
        "poll": {"first": "50ms"},
        "callback_token": {"env": "TOKEN"},
        "prices": [{"country": "RU", "channel": one, "price": "0.05"} for one in ("sms", "viber", "hlr")],
        **account,
    }
    lines = ["[guard]", "per_number = []", "[daemon]", *_lines(rules), "[providers.a]", *_lines(own)]
    for name, key in keys.items():
        lines += [f"[clients.{name}]", *_lines({"key_sha256": key.key_sha256, **clients.get(name, {})})]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: object) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return json.dumps(value)
