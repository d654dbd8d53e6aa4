"""What is fuzzed: the real server with a journal on disk, over the sandboxes of all providers, full of canaries."""

import base64
import hashlib
import io
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stderr
from decimal import Decimal
from pathlib import Path

import msgspec

from pointsman.config import load_config
from pointsman.daemon.service import Service
from pointsman.events import Event, MessageTaken, Reported
from pointsman.loading import load_plugins
from pointsman.sandbox import DeliveryPlan, Sandbox
from pointsman.testing import SCRIPTED, ScriptedSandbox
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

KEY = "pm_test_only_CANARYclientkey_that_opens_nothing"
ADMIN_KEY = "pm_test_only_CANARYadminkey_that_opens_nothing"
TOKEN = "CANARYcallbacktoken0123456789"
WEBHOOK = base64.b64encode(b"CANARY-webhook-secret-of-32-byte").decode()
TEXT = "CANARYtext"
"""Stands in every text of a message."""
PATH = "CANARYhookpath"
"""Stands in every address for webhooks."""
PREFIX = "916555"
"""Every number of a fuzzed message goes on with it and four digits more."""
SANDBOXES: Mapping[str, type[Sandbox]] = {
    "devino": DevinoSandbox,
    "smstele": SmsteleSandbox,
    "affiliate_hlr": AffiliateSandbox,
    "scripted": ScriptedSandbox,
}
DELIVERY = DeliveryPlan(seconds_to_sent=0.0, seconds_to_final=0.05)

CONFIG = """
[router]
store = "sqlite:{journal}"
region = "RU"
currency = "EUR"
[rates]
RUB = "0.0105"
[daemon]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
public_url = "http://127.0.0.1:9"
admin_key_sha256 = "{admin_key}"
body_timeout = "500ms"
max_body = 65536
drain_delay = "1ms"
[guard]
per_number = []
[clients.shop]
key_sha256 = "{key}"
inbox = ["devino"]
countries = ["*"]
webhook_secret = {{ env = "WEBHOOK" }}
callback_hosts = ["hooks.invalid"]
[providers.devino]
plugin = "devino"
base_url = "{devino}"
login = {{ env = "DEVINO_LOGIN" }}
password = {{ env = "DEVINO_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
poll = {{ first = "200ms", longest = "1s" }}
callback_token = {{ env = "TOKEN" }}
prices = [ {{ country = "RU", channel = "sms", price = "3.10" }} ]
[providers.smstele]
plugin = "smstele"
base_url = "{smstele}"
login = {{ env = "SMSTELE_LOGIN" }}
password = {{ env = "SMSTELE_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
opening_balance = "1000000"
poll = {{ first = "200ms", longest = "1s" }}
prices = [ {{ country = "RU", channel = "sms", price = "3.00" }} ]
[providers.affiliate_hlr]
plugin = "affiliate_hlr"
base_url = "{affiliate_hlr}"
api_key = {{ env = "AFFILIATE_KEY" }}
tariff = 0
currency = "EUR"
opening_balance = "100000"
poll = {{ first = "200ms", longest = "1s" }}
callback_token = {{ env = "TOKEN" }}
prices = [ {{ country = "RU", channel = "hlr", price = "0.002" }} ]
[providers.scripted]
plugin = "scripted"
base_url = "{scripted}"
channels = ["sms", "viber"]
bulk = 5
reconcile = "query"
currency = "EUR"
opening_balance = "1000000"
callback_token = {{ env = "TOKEN" }}
prices = [
    {{ country = "RU", channel = "sms", price = "0.03" }},
    {{ country = "RU", channel = "viber", price = "0.02" }},
]
[policies.default]
strategy = "weighted"
fallback_margin = "5s"
[[routes]]
name = "all"
providers = ["smstele", "devino", "scripted"]
match = {{ channel = "sms" }}
[[routes]]
name = "viber"
providers = ["scripted"]
match = {{ channel = "viber" }}
[[routes]]
name = "lookups"
match = {{ channel = "hlr" }}
providers = ["affiliate_hlr"]
"""


class Shown:
    """All that a server shows of itself besides its answers. State: its log and what was printed."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.printed = io.StringIO()
        self.events: list[str] = []
        self.taken: Counter[str] = Counter()
        """Messages that were taken, by channel."""
        self.told: Counter[str] = Counter()
        """Reports that told something new of a message, by provider."""

    def write(self, line: bytes) -> None:
        """Keep a line of the log."""
        self.log.append(line)

    def isatty(self) -> bool:
        """Nobody reads."""
        return False

    def __call__(self, event: Event) -> None:
        """Keep how an event shows."""
        self.events.append(repr(event))
        match event:
            case MessageTaken(channel=channel):
                self.taken[channel] += 1
            case Reported(provider=provider):
                self.told[provider] += 1
            case _:
                pass

    def drained(self) -> dict[str, str]:
        """Return what was shown since the last time, by where."""
        found = {
            "log": b"\n".join(self.log).decode(),
            "stderr": self.printed.getvalue(),
            "events": "\n".join(self.events),
        }
        self.log.clear()
        self.events.clear()
        self.printed.seek(0)
        self.printed.truncate()
        return found


class World(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A running server, and what it must keep to itself."""

    service: Service
    shown: Shown
    secrets: Mapping[str, str]
    """Name to text."""


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Run it."""
    boxes = {name: kind(seed=1, delivery=DELIVERY, balance=Decimal(10_000_000)) for name, kind in SANDBOXES.items()}
    shown = Shown()
    async with AsyncExitStack() as stack:
        stack.enter_context(redirect_stderr(shown.printed))
        environment = {"TOKEN": TOKEN, "WEBHOOK": f"whsec_{WEBHOOK}"}
        for box in boxes.values():
            await stack.enter_async_context(box)
            environment |= box.environment
        secrets = {name: text for name, text in environment.items() if not name.endswith("LOGIN") and "URL" not in name}
        file = folder / "router.toml"
        file.write_text(
            CONFIG.format(
                journal=folder / "journal.db",
                key=hashlib.sha256(KEY.encode()).hexdigest(),
                admin_key=hashlib.sha256(ADMIN_KEY.encode()).hexdigest(),
                **{name: box.base_url for name, box in boxes.items()},
            )
        )
        file.chmod(0o600)
        plugins = load_plugins([SCRIPTED])
        config = load_config(file, plugins=plugins, env=environment)
        service = Service(config, plugins, shown, environment=environment)
        service.router.observe(shown)
        await service.open()
        stack.push_async_callback(service.close, patience=1.0)
        yield World(
            service=service,
            shown=shown,
            secrets={
                **secrets, "key": KEY, "admin key": ADMIN_KEY, "webhook": WEBHOOK, "text": TEXT, "hook path": PATH,
            },
        )  # fmt: skip
    sys.stderr.write(shown.printed.getvalue())
