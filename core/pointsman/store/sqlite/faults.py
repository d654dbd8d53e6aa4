"""What SQLite raises, in words that say what to do."""

import sqlite3
from pathlib import Path

from pointsman.errors import StoreError, StoreUnavailable

_PRIMARY = 0xFF
"""The part of an extended error code that is the error itself."""
_LATER = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, and it goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk cannot be written or read: see the log of the system",
    sqlite3.SQLITE_READONLY: "the disk or the file is read-only now: make it writable, and it goes on by itself",
    sqlite3.SQLITE_CANTOPEN: "its files cannot be opened: are the folder and free file handles still there?",
    sqlite3.SQLITE_BUSY: "another program has locked it: close whatever has opened it",
    sqlite3.SQLITE_LOCKED: "another program has locked it: close whatever has opened it",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}
"""What may be mended from outside while the process lives."""
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def told(name: str, error: sqlite3.Error) -> StoreError:
    """Return an error of SQLite as one of ours: `StoreUnavailable` for what may pass."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code in _DAMAGE and not _can_be_read(Path(name)):
        code = sqlite3.SQLITE_IOERR
    if code in _LATER:
        return StoreUnavailable(name, f"nothing was written, {_LATER[code]}")
    if code in _DAMAGE:
        return StoreError(name, damage(str(error)))
    return StoreError(name, f"it cannot be used: {error}")


def _can_be_read(journal: Path) -> bool:
    """Say whether the system lets us read a journal. SQLite calls it damaged as well when a disk that is gone does not.

    One that is not there is none that may come back by itself.
    """
    try:
        with journal.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def damage(what: str) -> str:
    """Return the words for a journal that is damaged."""
    return (
        f"it is damaged ({what}): stop everything, copy the file with its -wal, and see what `pointsman journal check`"
        " says; restore a backup, or save what can be read with `pointsman journal salvage`"
    )
