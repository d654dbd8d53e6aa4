"""When and how a message is to be sent, beyond what every message says: from a command's options, or from cells."""

import dataclasses
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pointsman.cli.sheet import Cells
from pointsman.errors import InvalidMessage

COLUMNS = ("send_at", "send_at_local", "flash", "transliterate")
"""The columns of a file that tell it."""
_YES_OR_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a message of these names; it is not judged here whether they go together."""

    send_at: datetime | None = None
    send_at_local: datetime | None = None
    flash: bool = False
    transliterate: bool = False

    def or_of(self, cells: Cells) -> "Wishes":
        """Return what a row says, and this where its cells are empty. Raises `InvalidMessage`."""
        send_at, send_at_local = self.send_at, self.send_at_local
        if "send_at" in cells or "send_at_local" in cells:  # one time in the row is in place of the other one here
            send_at, send_at_local = _time("send_at", cells), _time("send_at_local", cells)
        return Wishes(
            send_at=send_at,
            send_at_local=send_at_local,
            flash=_yes_or_no("flash", cells, self.flash),
            transliterate=_yes_or_no("transliterate", cells, self.transliterate),
        )


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class WishOptions:
    """The same as options of a command."""

    at: Annotated[
        str | None,
        Parameter(help="Not before this time, which has a zone, such as 2026-12-01T09:00:00+03:00."),
    ] = None
    at_local: Annotated[
        str | None,
        Parameter(help="Not before this time on the recipient's clock, without a zone, such as 2026-12-01T09:00."),
    ] = None
    flash: Annotated[
        bool, Parameter(negative="", show_default=False, help="Show the SMS at once, and do not keep it (class 0).")
    ] = False
    translit: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Write Cyrillic in Latin letters; it takes fewer segments."),
    ] = False

    @property
    def wishes(self) -> Wishes:
        """What they say. Raises `InvalidMessage`."""
        return Wishes(
            send_at=read_time("send_at", self.at) if self.at is not None else None,
            send_at_local=read_time("send_at_local", self.at_local) if self.at_local is not None else None,
            flash=self.flash,
            transliterate=self.translit,
        )


def read_time(field: str, text: str) -> datetime:
    """Return a time with or without a zone, as it is written (ISO 8601). Raises `InvalidMessage`."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        example = "2026-12-01T09:00:00+03:00" if field == "send_at" else "2026-12-01T09:00"
        raise InvalidMessage(field, f"{text[:40]!r} is no date with time; write one such as {example}") from None


def _time(field: str, cells: Cells) -> datetime | None:
    return read_time(field, cells[field]) if field in cells else None


def _yes_or_no(field: str, cells: Cells, default: bool) -> bool:
    text = cells.get(field)
    if text is None:
        return default
    if text.lower() not in _YES_OR_NO:
        raise InvalidMessage(field, f"{text[:40]!r} is neither yes nor no")
    return _YES_OR_NO[text.lower()]
