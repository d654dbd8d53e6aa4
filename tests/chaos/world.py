"""What stays when the daemon dies: the three sandboxes with their books, the configuration, the journal's folder."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from pointsman.sandbox import DeliveryPlan, FaultRule, Sandbox
from pointsman.sandbox.delivery import Fate
from pointsman.sandbox.faults import close_after_accept, close_before_accept, garbage, hang_after_accept, throttle
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

from .daemon import Daemon, free_port

KEY = "pm_test_only_key_that_opens_nothing_at_all"
"""Of the client; obviously not a real one."""

DELIVERY = DeliveryPlan(
    seconds_to_sent=0.1,
    seconds_to_final=0.4,
    spread=0.5,
    messages={Fate.DELIVERED: 0.9, Fate.UNDELIVERED: 0.1},
)

FAULTS: Mapping[str, tuple[FaultRule, ...]] = {
    "devino": (
        close_after_accept(endpoint="Sms/*", times=None, probability=0.02),
        close_before_accept(endpoint="Sms/*", times=None, probability=0.02),
        garbage(endpoint="Sms/*", times=None, probability=0.02, accepted=True),
        throttle(endpoint="Sms/Send*", times=None, probability=0.01),
    ),
    "smstele": (
        close_after_accept(endpoint="sendsms", times=None, probability=0.03),
        hang_after_accept(endpoint="sendsms", times=None, probability=0.01),
        close_before_accept(endpoint="*", times=None, probability=0.02),
    ),
    "affiliate_hlr": (
        close_after_accept(endpoint="hlr/create", times=None, probability=0.05),
        garbage(endpoint="hlr/*", times=None, probability=0.02),
    ),
}
"""What goes wrong at random at each provider, for a run with faults."""

CONFIG = """
[router]
store = "sqlite:{journal}"
region = "RU"
currency = "EUR"
log_format = "json"

[rates]
RUB = "0.0105"

[daemon]
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"
drain_delay = "10ms"

[clients.shop]
key_sha256 = "{key}"

[providers.devino]
plugin = "devino"
base_url = "{devino}"
login = {{ env = "DEVINO_LOGIN" }}
password = {{ env = "DEVINO_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
max_in_flight = 8
read_timeout = "2s"
poll = {{ first = "300ms", longest = "1s" }}
prices = [ {{ country = "RU", channel = "sms", price = "3.10" }} ]

[providers.smstele]
plugin = "smstele"
base_url = "{smstele}"
login = {{ env = "SMSTELE_LOGIN" }}
password = {{ env = "SMSTELE_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
opening_balance = "1000000"
settle = 1.0
max_in_flight = 8
read_timeout = "2s"
poll = {{ first = "300ms", longest = "1s" }}
prices = [ {{ country = "RU", channel = "sms", price = "3.00" }} ]

[providers.affiliate_hlr]
plugin = "affiliate_hlr"
base_url = "{affiliate_hlr}"
api_key = {{ env = "AFFILIATE_KEY" }}
tariff = 0
currency = "EUR"
opening_balance = "100000"
max_in_flight = 4
read_timeout = "2s"
poll = {{ first = "300ms", longest = "1s" }}
prices = [ {{ country = "RU", channel = "hlr", price = "0.002" }} ]

[policies.default]
strategy = "weighted"

[[routes]]
name = "codes"
match = {{ channel = "sms", class = "otp" }}
providers = ["smstele", "devino"]
on_unknown = "next"

[[routes]]
name = "careful"
match = {{ channel = "sms" }}
providers = ["devino", "smstele"]
on_unknown = "reconcile"

[[routes]]
name = "lookups"
match = {{ channel = "hlr" }}
providers = ["affiliate_hlr"]
"""


class World(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The sandboxes by the names of their providers, and the daemon between them and the clients."""

    sandboxes: Mapping[str, Sandbox]
    daemon: Daemon
    config: Path

    def misbehave(self) -> None:
        """Let things go wrong at the providers from now on."""
        for name, rules in FAULTS.items():
            self.sandboxes[name].faults.add(*rules)

    def behave(self) -> None:
        """Let nothing go wrong any more."""
        for sandbox in self.sandboxes.values():
            sandbox.faults.clear()


@asynccontextmanager
async def world(folder: Path, seed: int, more: Mapping[str, str] = {}) -> AsyncIterator[World]:
    """Serve the sandboxes and write the configuration; the daemon is not started yet.

    `more` is in the environment of the daemon besides.
    """
    kinds = {"devino": DevinoSandbox, "smstele": SmsteleSandbox, "affiliate_hlr": AffiliateSandbox}
    boxes = {name: kind(seed=seed, delivery=DELIVERY, balance=Decimal(10_000_000)) for name, kind in kinds.items()}
    port, admin = free_port(), free_port()
    async with AsyncExitStack() as stack:
        environment = dict(more)
        for box in boxes.values():
            await stack.enter_async_context(box)
            environment |= box.environment
        config = folder / "router.toml"
        config.write_text(
            CONFIG.format(
                journal="journal.db",
                port=port,
                admin=admin,
                key=hashlib.sha256(KEY.encode()).hexdigest(),
                **{name: box.base_url for name, box in boxes.items()},
            )
        )
        config.chmod(0o600)
        daemon = Daemon(config, environment, port, admin)
        stack.push_async_callback(daemon.close)
        yield World(sandboxes=boxes, daemon=daemon, config=config)
