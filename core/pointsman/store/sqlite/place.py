"""Where the journal is: may it be there, is it ours alone, and a connection to it."""

import contextlib
import fcntl
import os
import sqlite3
import stat
from pathlib import Path
from typing import Self

from pointsman.errors import StoreError
from pointsman.store.sqlite.faults import damage, told
from pointsman.store.sqlite.schema import APPLICATION_ID
from pointsman.store.sqlite.together import KEPT

CACHE_KIB = 32 * 1024
"""Memory for pages, of each connection (KiB)."""
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs"})
"""Kinds of file system on which other machines may write too: there a lock proves nothing."""
_WAL_LIMIT = 64 * 1024 * 1024


class Lock:
    """Says that a journal is in use, for as long as the process lives; it cannot outlive it, however that ends."""

    def __init__(self, file: int) -> None:
        self._file = file

    @classmethod
    def take(cls, path: Path) -> Self:
        """Take the lock of a journal. Raises `StoreError` that names the process which has it, `OSError`."""
        lock = path.with_name(f"{path.name}.lock")
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(file, 32).decode("ascii", "replace").strip()
            os.close(file)
            whose = f"process {holder}" if holder.isdigit() else "another process"
            raise StoreError(
                str(path), f"it is in use by {whose}: a journal serves one at a time; stop that one first"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        return cls(file)

    def let_go(self) -> None:
        """Let go of it, once."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def _closed_to_us(path: Path, error: OSError) -> StoreError:
    hint = "; run as the user who owns it and its folder" if isinstance(error, PermissionError) else ""
    return StoreError(str(path), f"it cannot be opened: {error.strerror}{hint}")


def prepare(path: Path) -> Lock:
    """See that a journal may be kept at a path, make the file if there is none, and lock it. Raises `StoreError`."""
    try:
        _check_folder(path)
        lock = Lock.take(path)
    except OSError as error:
        raise _closed_to_us(path, error) from None
    try:
        _check_file(path)
    except OSError as error:
        lock.let_go()
        raise _closed_to_us(path, error) from None
    except StoreError:
        lock.let_go()
        raise
    return lock


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise StoreError(str(path), f"there is no folder {folder}: make it, with mode 0700")
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise StoreError(str(path), f"everybody may write into the folder {folder}: chmod o-w {folder}")
    kind = file_system(folder)
    if kind in _NETWORK:
        raise StoreError(
            str(path),
            f"{folder} is on a network file system ({kind}), where other machines cannot be kept out and"
            " nothing is sure to be on a disk: put the journal on a disk of this machine",
        )


def _check_file(path: Path) -> None:
    """Make the file, or take from others what they may do with it; the files beside it inherit that."""
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if is_new:
            sync_folder(path.parent)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(str(path), "it is not a file")
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(file, 0o600)
        head = os.pread(file, 72, 0)
    finally:
        os.close(file)
    if head and not head.startswith(b"SQLite format 3\0"):
        raise StoreError(str(path), damage("it does not begin like a journal"))
    if len(head) >= 72 and int.from_bytes(head[68:72], "big") not in {0, APPLICATION_ID}:
        raise StoreError(str(path), "it is a database of another program: name another file")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a new file is lost without its name. Raises `OSError`."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def file_system(folder: Path, table: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the kind of file system on which a folder is; empty where the machine does not tell."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError):
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2] == wanted:
                return after.split()[0]
    return ""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Return a connection for a journal, to be used in any one thread. Raises `sqlite3.Error`."""
    mode = "ro" if read_only else "rw"
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5.0,
        cached_statements=KEPT,
    )
    try:
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        database.execute("PRAGMA temp_store = MEMORY")
        if read_only:
            database.execute("PRAGMA query_only = ON")
            return database
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
    except BaseException:
        database.close()
        raise
    return database


def check_ours(database: sqlite3.Connection, name: str) -> None:
    """See that a database is a journal, or nothing yet. Raises `StoreError`."""
    try:
        (mark,) = database.execute("PRAGMA application_id").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        raise told(name, error) from None
    if mark != APPLICATION_ID and tables:
        raise StoreError(name, "it is a database of another program: name another file")
