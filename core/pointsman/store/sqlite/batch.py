"""What the changes of one group add up to before it is written: pure bookkeeping, no input or output."""

from collections.abc import Mapping
from decimal import Decimal

from pointsman.outcome import Accepted
from pointsman.store.change import Change, Resolve, Settle
from pointsman.store.days import day_of
from pointsman.store.interface import Claim, News
from pointsman.store.record import Record
from pointsman.store.telling import news_of, spent_by


class Batch:
    """Everything that is to be written in one transaction."""

    def __init__(self, last_news: int) -> None:
        self.records: dict[str, Record] = {}
        """As they are after the group."""
        self.new: set[str] = set()
        self.renewed: set[str] = set()
        """Those whose envelope changed as well."""
        self.places: list[tuple[str, str, str, int]] = []
        """Ids that providers gave: provider, id, message, attempt."""
        self.news: list[News] = []
        self.letters: list[tuple[int, str, str, float]] = []
        """News that is to be posted: its place, the message, where to, and not before when."""
        self.claims: dict[tuple[str, str], tuple[Claim, tuple[str, ...], float]] = {}
        self.spent: dict[tuple[str, str], Decimal] = {}
        """What attempts cost, by provider and currency."""
        self.taken: dict[tuple[str, str], int] = {}
        """Messages that were taken, by day and client."""
        self.costs: dict[tuple[str, str], dict[str, Decimal]] = {}
        """What messages cost, by day and client, then by currency."""
        self.last_news = last_news

    def enter(self, record: Record) -> None:
        """Add a new message."""
        envelope = record.envelope
        self.records[envelope.id] = record
        self.new.add(envelope.id)
        if envelope.origin is not None:
            key = day_of(envelope.accepted_at), envelope.origin.client
            self.taken[key] = self.taken.get(key, 0) + 1

    def change(self, before: Record, after: Record, change: Change) -> None:
        """Add a change of a message and what follows from it."""
        message_id = after.envelope.id
        self.records[message_id] = after
        if after.envelope is not before.envelope and message_id not in self.new:
            self.renewed.add(message_id)
        if isinstance(change, Settle):
            self._index(after, change.attempt.number)
        elif isinstance(change, Resolve):
            self._index(after, change.number)
        if (body := news_of(before, after)) is not None:
            self._tell(after, body)
        if spent := spent_by(before, after):
            self._book(after, spent)

    def _index(self, record: Record, number: int) -> None:
        attempt = record.attempts[number - 1]
        if isinstance(attempt.outcome, Accepted):
            place = record.envelope.id, number
            self.places.extend((attempt.provider, one, *place) for one in attempt.outcome.ids)

    def _tell(self, record: Record, body: bytes) -> None:
        origin = record.envelope.origin
        if origin is None:
            return
        self.last_news += 1
        message_id, at = record.envelope.id, record.updated_at
        self.news.append(
            News(seq=self.last_news, client=origin.client, message_id=message_id, state=record.state, at=at, body=body)
        )
        if origin.callback_url is not None:
            self.letters.append((self.last_news, message_id, origin.callback_url, at))

    def _book(self, record: Record, spent: Mapping[tuple[str, str], Decimal]) -> None:
        origin = record.envelope.origin
        for key, amount in spent.items():
            self.spent[key] = self.spent.get(key, Decimal(0)) + amount
            if origin is not None:
                costs = self.costs.setdefault((day_of(record.updated_at), origin.client), {})
                costs[key[1]] = costs.get(key[1], Decimal(0)) + amount
