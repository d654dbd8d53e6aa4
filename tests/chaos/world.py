"""What stays when the daemon dies: the sandboxes with their books, the clients' receiver, the journal's folder."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from pointsman.sandbox import Sandbox
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

from .daemon import Daemon, free_port
from .outage import Outage
from .receiver import SECRET, Receiver
from .settings import CALLBACKS, CONFIG, DELIVERY, FAULTS, TOKEN

KEY = "pm_test_only_key_that_opens_nothing_at_all"
"""Of the client; obviously not a real one."""


class World(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The sandboxes by the names of their providers, and the daemon between them and the clients."""

    sandboxes: Mapping[str, Sandbox]
    lookups: AffiliateSandbox
    """The one of them that reports by itself."""
    receiver: Receiver
    outage: Outage
    daemon: Daemon
    config: Path

    def misbehave(self) -> None:
        """Let things go wrong at the providers and at the receiver from now on."""
        self.receiver.misbehaving = True
        for name, rules in FAULTS.items():
            self.sandboxes[name].faults.add(*rules)

    def behave(self) -> None:
        """Let nothing go wrong any more."""
        self.receiver.misbehaving = False
        for sandbox in self.sandboxes.values():
            sandbox.faults.clear()


@asynccontextmanager
async def world(
    folder: Path, seed: int, more: Mapping[str, str] = {}, journal: str = "journal.db"
) -> AsyncIterator[World]:
    """Serve the sandboxes and write the configuration; the daemon is not started yet.

    `more` is in the environment of the daemon besides. `journal` is a path, from `folder` on.
    """
    common = {"seed": seed, "delivery": DELIVERY, "balance": Decimal(10_000_000)}
    lookups = AffiliateSandbox(**common, callbacks=CALLBACKS)
    boxes = {"devino": DevinoSandbox(**common), "smstele": SmsteleSandbox(**common), "affiliate_hlr": lookups}
    port, admin = free_port(), free_port()
    async with AsyncExitStack() as stack:
        environment = {"HOOK_SECRET": SECRET, "CALLBACK_TOKEN": TOKEN, **more}
        for box in boxes.values():
            await stack.enter_async_context(box)
            environment |= box.environment
        receiver = await stack.enter_async_context(Receiver(seed))
        config = folder / "router.toml"
        config.write_text(
            CONFIG.format(
                journal=journal,
                port=port,
                admin=admin,
                key=hashlib.sha256(KEY.encode()).hexdigest(),
                **{name: box.base_url for name, box in boxes.items()},
            )
        )
        config.chmod(0o600)
        daemon = Daemon(config, environment, port, admin)
        stack.push_async_callback(daemon.close)
        yield World(sandboxes=boxes, lookups=lookups, receiver=receiver, outage=Outage(), daemon=daemon, config=config)
