"""The durable store: an SQLite file on this machine."""

from pointsman.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
