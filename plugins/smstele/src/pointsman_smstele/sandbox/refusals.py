"""Why a request is refused: the table of codes at the end of the document, and the numbering of its examples."""

import enum

import msgspec


class _Row(msgspec.Struct, frozen=True):
    code: str
    """As in the table."""
    text: str
    """`{}` stands for the attribute in question."""
    attribute: str = ""
    """The attribute to name when nothing else is known of the request."""
    example: str | None = None
    """The code as in the document's examples, where they differ from the table."""


_MISSING = "Missing attribute: '{}'"
_INVALID = "Invalid attribute: '{}'"


class Refusal(enum.Enum):
    """The codes of the table.

    The examples answer a missing `phones` with -24 and an empty one with -25, while the table gives -25 and -26, as if
    -24 had been inserted later; yet -22 and -35 agree. The rows from -25 to -28 are taken to be shifted by one in the
    examples' numbering, the others not.
    """

    SYSTEM = _Row("-1", "System error")
    NO_MEMORY = _Row("-2", "Not enough memory")
    NOT_YET_IMPLEMENTED = _Row("-6", "Not yet implemented")
    MISSING_LOGIN = _Row("-21", "No login")
    MISSING_PASSWORD = _Row("-22", "No password")
    BAD_CREDENTIALS = _Row("-23", "Invalid login or password")
    IP_NOT_ALLOWED = _Row("-24", "IP address is not allowed")
    MISSING_PHONES = _Row("-25", _MISSING, "phones", "-24")
    INVALID_PHONES = _Row("-26", _INVALID, "phones=", "-25")
    MISSING_TEXT = _Row("-27", _MISSING, "mes", "-26")
    INVALID_VALIDITY = _Row("-28", _INVALID, "validity=", "-27")
    INVALID_DEFERRED = _Row("-29", _INVALID, "deferred=")
    INVALID_PRIORITY = _Row("-30", _INVALID, "priority=")
    INVALID_SENDER = _Row("-31", _INVALID, "sender=")
    SENDER_NOT_ALLOWED = _Row("-32", "Sender is not allowed: '{}'", "sender")
    INVALID_CHARSET = _Row("-33", _INVALID, "charset=")
    MISSING_ID = _Row("-34", _MISSING, "id")
    INVALID_ID = _Row("-35", _INVALID, "id=")
    TEXT_TOO_LONG = _Row("-41", "Text is too long")
    TOO_MANY_SEGMENTS = _Row("-42", "Too many segments")
    NOT_ENOUGH_CREDITS = _Row("-43", "Not enough credits")

    def code(self, *, as_in_table: bool) -> str:
        """Return the number, in the table's numbering or in that of the examples."""
        row = self.value
        return row.code if as_in_table or row.example is None else row.example

    def text(self, attribute: str = "") -> str:
        """Return the description."""
        return self.value.text.format(attribute or self.value.attribute)

    @classmethod
    def usual_text(cls, code: str) -> str:
        """Return the description that belongs to a code of the table; empty for codes that it does not have."""
        return next((each.text() for each in cls if each.value.code == code), "")


class Rejected(Exception):
    """A request is refused; nothing was sent and nothing charged."""

    def __init__(self, refusal: Refusal, attribute: str = "") -> None:
        super().__init__(refusal.text(attribute))
        self.refusal = refusal
        self.text = refusal.text(attribute)
