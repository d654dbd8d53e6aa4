"""Where messages are kept: the life cycle as pure values, the store interface and the memory store."""

from pointsman.store.interface import Store
from pointsman.store.memory import MemoryStore
from pointsman.store.record import Record
from pointsman.store.whole import receipt

__all__ = ["MemoryStore", "Record", "Store", "receipt"]
