"""Makes the journal of the present version that later versions have to read: run it once for each version."""

import asyncio
from pathlib import Path

import msgspec

from pointsman.message import Envelope
from pointsman.outcome import Accepted, Report
from pointsman.store.change import Unwant
from pointsman.store.interface import Claim
from pointsman.store.sqlite import SqliteStore
from pointsman.store.sqlite.rows import Life
from pointsman.store.sqlite.schema import STEPS
from pointsman.testing.stores import Trial
from pointsman.testing.stores.trial import CLIENT, PROVIDER, report

FIXTURES = Path(__file__).with_name("journals")
SHAPE = FIXTURES / "shape.json"
URL = "https://client.example/hook"


def shape(*kinds: type[msgspec.Struct]) -> str:
    """Return what values of these kinds look like, as text."""
    _, components = msgspec.json.schema_components(kinds)
    for one in components.values():
        one.pop("description", None)
        for field in one.get("properties", {}).values():
            field.pop("default", None)  # a set has no order
    ordered = msgspec.json.encode(components, order="deterministic")
    return msgspec.json.format(ordered).decode() + "\n"


async def fill(journal: Path) -> None:
    """Put one of everything into a new journal."""
    async with Trial.of(lambda clock, place: SqliteStore(journal, clock=clock), "fixture") as trial:
        await trial.taken(mine=False)
        await trial.begin(await trial.taken())
        followed = await trial.taken()
        await trial.begin(followed)
        await trial.settle(followed, Accepted(ids=("p1",)), price="0.05")
        await trial.delivered(trial.envelope(reference="order-1", callback_url=URL), "p2")
        await trial.apply(await trial.taken(trial.envelope(reference="order-2")), Unwant())
        await trial.store.accept((trial.envelope(due=2e9),), claim=Claim(CLIENT, "k1", b"request"))
        await trial.store.keep_early(PROVIDER, "early", report("early"), trial.clock.now())
        await trial.store.keep("drained", "devino", b"by hand")


def main() -> None:
    """Write the fixture and the shape of the present version."""
    journal = FIXTURES / f"version_{len(STEPS)}.journal"
    journal.unlink(missing_ok=True)
    asyncio.run(fill(journal))
    journal.with_name(f"{journal.name}.lock").unlink()
    SHAPE.write_text(shape(Envelope, Life, Report), encoding="utf-8")


if __name__ == "__main__":
    main()
