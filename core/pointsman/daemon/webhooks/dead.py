"""Letters that are not tried any more: finding them, and trying them again when somebody says so."""

from collections.abc import Mapping, Sequence

from pointsman.clock import Clock
from pointsman.store.interface import Letter, Store

RETRIES = "webhook_retry"
"""Under this the store keeps when a client's letters were last said to be tried again."""
LAST = 2**63 - 1
"""No letter has a higher number."""
_PAGE = 500


class DeadLetters:
    """The dead letters of a store. It has no state of its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def found(self, after: int, limit: int, client: str | None) -> tuple[Letter, ...]:
        """Return dead letters in order, from behind a place on; of one client or of all."""
        found: list[Letter] = []
        while len(found) < limit:
            page = await self._store.dead_letters(after, _PAGE)
            found += [letter for letter in page if client is None or letter.news.client == client]
            if len(page) < _PAGE:
                break
            after = page[-1].news.seq
        return tuple(found[:limit])

    async def revive(self, seqs: Sequence[int]) -> Mapping[str, int]:
        """Try letters again; return how many of which client there were. Those that are not dead are left out."""
        owners: dict[str, list[int]] = {}
        for seq in sorted({seq for seq in seqs if 0 < seq <= LAST}):
            for letter in await self._store.dead_letters(seq - 1, 1):
                if letter.news.seq == seq:
                    owners.setdefault(letter.news.client, []).append(seq)
        return {client: await self._revive(client, owned) for client, owned in owners.items()}

    async def revive_all(self, client: str) -> Mapping[str, int]:
        """Try all letters of a client again."""
        count = after = 0
        while page := await self.found(after, _PAGE, client):
            after = page[-1].news.seq
            count += await self._revive(client, [letter.news.seq for letter in page])
        return {client: count}

    async def _revive(self, client: str, seqs: Sequence[int]) -> int:
        # First the time, or letters as old as these would be dead again after a single try.
        now = self._clock.now()
        await self._store.keep(RETRIES, client, str(now).encode())
        return sum([await self._store.revive(seqs[at : at + _PAGE], now) for at in range(0, len(seqs), _PAGE)])


async def lives(store: Store) -> Mapping[str, float]:
    """Return since when letters of clients live at least: when they were last said to be tried again (wall time)."""
    return {client: _moment(value) for client, value in (await store.kept(RETRIES)).items()}


def _moment(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0
