"""The records that were used last, so that a message that is alive is not read from the disk at each change."""

from collections import OrderedDict
from collections.abc import Mapping

from pointsman.store.record import Record

MOST = 20_000


class Recent:
    """Records by id, at most `most`: those that were not used for the longest time go first."""

    def __init__(self, most: int = MOST) -> None:
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        return len(self._records)

    def get(self, message_id: str) -> Record | None:
        """Return a record, if it is among them."""
        record = self._records.get(message_id)
        if record is not None:
            self._records.move_to_end(message_id)
        return record

    def put(self, records: Mapping[str, Record]) -> None:
        """Remember records in place of what was known of the same messages."""
        known = self._records
        for message_id, record in records.items():
            known[message_id] = record
            known.move_to_end(message_id)
        while len(known) > self._most:
            known.popitem(last=False)

    def drop(self, message_id: str) -> None:
        """Forget a record."""
        self._records.pop(message_id, None)
