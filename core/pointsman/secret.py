"""What must never be printed: passwords, keys, session ids; and in passing, numbers and texts of messages."""

import re

import msgspec

_HIDDEN = frozenset({"to", "text", "sender", "sender_msisdn", "callback_url"})
"""Fields that say who is written to, and what."""
_IDS = frozenset({"ids", "provider_ids", "provider_id"})
"""Fields in which some providers write the number of the recipient."""
_LONG = re.compile(r"\d{6,}(?=\d{4})")


class Secret:
    """Text that shows as asterisks everywhere but where it is revealed on purpose.

    Equality and hash follow the text, so that a configuration holding secrets can be compared with its successor.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. Only the transport, which writes it to the wire, should need this."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)


class Discreet(msgspec.Struct, frozen=True):
    """A Struct that shows neither numbers nor texts, because what is shown ends up in logs of all kinds."""

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(name: str, value: object) -> str:
    if name in _HIDDEN and value:
        return "'***'"
    return _LONG.sub("***", repr(value)) if name in _IDS else repr(value)
