"""A copy of a journal as it was at one moment, made while it is in use."""

import os
import sqlite3
from pathlib import Path

from pointsman.errors import StoreError
from pointsman.store.sqlite.faults import told
from pointsman.store.sqlite.looking import look
from pointsman.store.sqlite.place import sync_folder


def back_up(path: Path, target: Path) -> int:
    """Copy a journal to a file that does not exist yet; return its bytes. It is durable when this returns.

    The daemon may go on meanwhile; what it writes then is not in the copy. Raises `StoreError`.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        # Who comes first has it: a file that is there is somebody's.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise StoreError(str(target), "it exists already: name a new file") from None
    except OSError as error:
        raise StoreError(str(target), f"it cannot be written: {error.strerror}") from None
    try:
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        _copy(path, part)
        _sync(part)
        part.replace(target)
        sync_folder(target.parent)
        return target.stat().st_size
    except BaseException as error:
        part.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreError(str(target), f"it cannot be written: {error.strerror}") from None
        raise


def _copy(path: Path, part: Path) -> None:
    with look(path) as source:
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            copy.execute("PRAGMA synchronous = OFF")
            source.backup(copy)
            # The copy is one file, and is opened by whoever restores it as any other.
            copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise told(str(part), error) from None
        finally:
            copy.close()


def _sync(file: Path) -> None:
    opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
