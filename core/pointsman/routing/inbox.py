"""Reading an inbox again and again: what is new in each answer, without a gap and without a repeat.

Theory of operation. Providers list a message by the time at which they got it, but may list it only some time after
that. So each window begins one overlap before the end of the last one, and a message that was shown before is known by
its id. An id is forgotten when its message came more than the overlap before the last one. As long as no message is
listed later than the overlap, each is shown exactly once; one without a time of its own is kept as if it had come at
the end of its window.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

from pointsman.errors import InvalidQuestion
from pointsman.plugin import Incoming, Window

OVERLAP = timedelta(hours=1)
"""How late a provider may list a message, unless the cursor says something else."""


class Shown(msgspec.Struct, frozen=True):
    """A message that was shown: its key, and the latest time at which its provider may have got it (UTC)."""

    key: str
    at: datetime


class InboxCursor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an inbox has been read. Keep it between two polls; it survives JSON (`msgspec.json`) unchanged."""

    since: datetime
    """What came before this moment is not shown (UTC)."""
    until: datetime
    """Everything that was listed before this moment was shown (UTC)."""
    overlap: timedelta = OVERLAP
    """How late the provider may list a message. Longer is safer and makes the answers larger."""
    shown: tuple[Shown, ...] = ()
    """What the next window may hold although it was shown."""

    @classmethod
    def starting(cls, since: datetime, overlap: timedelta = OVERLAP) -> "InboxCursor":
        """Return a cursor that begins with the messages that came at `since` or later.

        Raises `InvalidQuestion` for a time without a zone and for a negative overlap.
        """
        if since.utcoffset() is None:
            raise InvalidQuestion("since", f"{since.isoformat()} does not say its time zone; give an aware time")
        if overlap < timedelta():
            raise InvalidQuestion("overlap", "is negative; give zero or more")
        start = since.astimezone(UTC)
        return cls(since=start, until=start, overlap=overlap)

    def window(self, now: datetime, oldest: timedelta | None = None) -> Window | None:
        """Return what is to be asked for now, or None when that is nothing yet.

        The overlap, which was asked for before, is cut where the provider does not answer that far back (`oldest`). A
        clock that was set back makes the window begin earlier, because what came since then was not asked for.
        """
        end = min(self.until, now)
        start = self.since if end - self.since <= self.overlap else end - self.overlap
        if oldest is not None and start < now - oldest <= end:
            start = now - oldest
        return Window(start, now) if start < now else None


def pick(messages: Iterable[Incoming], window: Window) -> tuple[Incoming, ...]:
    """Return the messages of a window, each once: what lies outside of it belongs to another window's answer."""
    found = {key_of(one): one for one in messages if one.at is None or window.start <= one.at < window.end}
    return tuple(found.values())


def news(cursor: InboxCursor, window: Window, messages: Iterable[Incoming]) -> tuple[tuple[Incoming, ...], InboxCursor]:
    """Return what was not shown before out of the messages of a cursor's window, and the cursor after it."""
    known = {one.key for one in cursor.shown}
    fresh = tuple(one for one in messages if key_of(one) not in known)
    added = (Shown(key_of(one), one.at.astimezone(UTC) if one.at is not None else window.end) for one in fresh)
    shown = (*cursor.shown, *added)
    # No later window begins before the last message less the overlap, even if our clock was ahead and is set back.
    last = min(window.end, max((one.at for one in shown), default=window.end))
    shown = tuple(one for one in shown if one.at >= last - cursor.overlap)
    return fresh, msgspec.structs.replace(cursor, until=window.end, shown=shown)


def key_of(message: Incoming) -> str:
    """Return by what a message is recognised: its id, or a digest of all of it where the provider gave none."""
    if message.id:
        return message.id
    parts = (message.sender, message.to, message.text, message.at)
    return "sha256:" + sha256(msgspec.json.encode(parts)).hexdigest()
