"""News, letters and figures kept in memory: the parts of the memory store that are not messages."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from pointsman.store.days import day_of
from pointsman.store.interface import Again, Dead, Fate, Later, Letter, News, Posted, Usage
from pointsman.store.record import Record

NEWS_KEPT = 100_000


class MemoryMail:
    """News and letters."""

    def __init__(self) -> None:
        super().__init__()
        self._seq = 0
        self._news: deque[News] = deque(maxlen=NEWS_KEPT)
        self._letters: OrderedDict[int, Letter] = OrderedDict()

    def tell(self, record: Record, body: bytes) -> None:
        """Note a piece of news, and a letter where the client wants one."""
        origin = record.envelope.origin
        if origin is None:
            return
        self._seq += 1
        news = News(
            seq=self._seq,
            client=origin.client,
            message_id=record.envelope.id,
            state=record.state,
            at=record.updated_at,
            body=body,
        )
        self._news.append(news)
        if origin.callback_url is not None:
            self._letters[news.seq] = Letter(news=news, url=origin.callback_url, next_at=record.updated_at)

    async def news(self, client: str, after: int, limit: int) -> tuple[News, ...]:
        """Return a client's news after a place, the oldest first."""
        return tuple([one for one in self._news if one.seq > after and one.client == client][:limit])

    async def last_news(self) -> int:
        """Return the place of the latest news of all clients; 0 when there is none."""
        return self._seq

    async def letters(self, now: float, limit: int) -> tuple[Letter, ...]:
        """Return letters that are due: of each message only the first that is not posted."""
        due = [letter for letter in self._heads() if letter.next_at <= now]
        return tuple(sorted(due, key=lambda letter: (letter.next_at, letter.news.seq))[:limit])

    async def settle_letter(self, seq: int, fate: Fate) -> None:
        """Write down what became of a letter."""
        letter = self._letters.get(seq)
        if letter is None:
            return
        replace = msgspec.structs.replace
        match fate:
            case Posted():
                del self._letters[seq]
            case Again(at, error):
                self._letters[seq] = replace(letter, tries=letter.tries + 1, next_at=at, error=error)
            case Later(at):
                self._letters[seq] = replace(letter, next_at=at)
            case Dead(error):
                self._letters[seq] = replace(letter, tries=letter.tries + 1, dead=True, error=error)

    async def next_letter(self) -> float | None:
        """Return when the next letter is to be tried; None when there is none."""
        return min((letter.next_at for letter in self._heads()), default=None)

    async def dead_letters(self, after: int, limit: int) -> tuple[Letter, ...]:
        """Return letters that are not tried any more, in order."""
        return tuple([one for seq, one in self._letters.items() if one.dead and seq > after][:limit])

    async def revive(self, seqs: Sequence[int], now: float) -> int:
        """Try dead letters again from now on; return how many there were."""
        found = [seq for seq in seqs if seq in self._letters and self._letters[seq].dead]
        for seq in found:
            self._letters[seq] = msgspec.structs.replace(self._letters[seq], dead=False, tries=0, next_at=now)
        return len(found)

    def forget_news(self, before: float, limit: int) -> int:
        """Forget at most `limit` pieces of news, and of dead letters, that are older; return how many."""
        count = 0
        while self._news and self._news[0].at < before and count < limit:
            self._news.popleft()
            count += 1
        dead = [seq for seq, one in self._letters.items() if one.dead and one.news.at < before]
        for seq in dead[:limit]:
            del self._letters[seq]
        return count + len(dead[:limit])

    def _heads(self) -> Iterable[Letter]:
        """Return of each message the first letter that is not posted."""
        firsts: dict[str, Letter] = {}
        for letter in self._letters.values():
            if not letter.dead:
                firsts.setdefault(letter.news.message_id, letter)
        return firsts.values()


class MemoryFigures:
    """Accounts, quotas and small things."""

    def __init__(self) -> None:
        super().__init__()
        self._spent: dict[tuple[str, str], Decimal] = {}
        self._usage: dict[tuple[str, str], int] = {}
        self._cost: dict[tuple[str, str], dict[str, Decimal]] = {}
        self._kept: dict[tuple[str, str], bytes] = {}

    def count_taken(self, client: str, at: float) -> None:
        """Count a message that a client brought."""
        key = client, day_of(at)
        self._usage[key] = self._usage.get(key, 0) + 1

    def book(self, record: Record, spent: Mapping[tuple[str, str], Decimal]) -> None:
        """Book what a message cost."""
        origin = record.envelope.origin
        for (provider, currency), amount in spent.items():
            self._spent[provider, currency] = self._spent.get((provider, currency), Decimal(0)) + amount
            if origin is not None:
                costs = self._cost.setdefault((origin.client, day_of(record.updated_at)), {})
                costs[currency] = costs.get(currency, Decimal(0)) + amount

    async def spent(self) -> Mapping[tuple[str, str], Decimal]:
        """Return what attempts cost, by provider and currency."""
        return dict(self._spent)

    async def start_account(self, provider: str) -> None:
        """Count what is spent at a provider from nothing again."""
        for key in [key for key in self._spent if key[0] == provider]:
            del self._spent[key]

    async def usage(self, day: str) -> tuple[Usage, ...]:
        """Return what the clients used on a day."""
        clients = sorted({client for client, one in (*self._usage, *self._cost) if one == day})
        return tuple(
            Usage(
                client=client,
                day=day,
                messages=self._usage.get((client, day), 0),
                spent=dict(self._cost.get((client, day), {})),
            )
            for client in clients
        )

    async def keep(self, kind: str, name: str, value: bytes) -> None:
        """Remember something small."""
        self._kept[kind, name] = value

    async def forget(self, kind: str, name: str) -> None:
        """Forget it."""
        self._kept.pop((kind, name), None)

    async def kept(self, kind: str) -> Mapping[str, bytes]:
        """Return what is remembered of a kind, by name."""
        return {name: value for (one, name), value in self._kept.items() if one == kind}
