"""A value that must never be printed: passwords, keys, session ids."""


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
