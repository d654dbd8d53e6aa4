"""Several sandboxes at once, for tests, the demo and the command line."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from pointsman.sandbox.base import Sandbox


@asynccontextmanager
async def running(
    sandboxes: Iterable[Sandbox], ports: Mapping[str, int] | None = None, *, host: str = "127.0.0.1"
) -> AsyncIterator[dict[str, Sandbox]]:
    """Start them all and give them by name; `ports` names the port of each, others take a free one.

    Raises `OSError` when a port is taken, after closing those that had been started.
    """
    async with AsyncExitStack() as stack:
        started = {}
        for sandbox in sandboxes:
            await sandbox.start(host, (ports or {}).get(sandbox.name, 0))
            stack.push_async_callback(sandbox.close)
            started[sandbox.name] = sandbox
        yield started
