"""Parameters of a request as providers take them: names in any case, repeated, from query and body alike."""

from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

Pair = tuple[str, str]


class Params:
    """Names and values in the order in which they came; names are compared without regard to case."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._pairs = tuple(pairs)
        self._values: dict[str, list[str]] = {}
        for name, value in self._pairs:
            self._values.setdefault(name.lower(), []).append(value)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Everything as it was received."""
        return self._pairs

    def first(self, name: str) -> str | None:
        """Return the first value, or None when the parameter is absent."""
        values = self._values.get(name.lower())
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Return every value, in order."""
        return list(self._values.get(name.lower(), ()))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __repr__(self) -> str:
        return f"Params({list(self._pairs)!r})"


def read_form(raw: bytes, charset: str = "utf-8") -> list[Pair]:
    """Decode `application/x-www-form-urlencoded`.

    Blanks that nobody encoded are kept, empty values too; bytes that the charset does not know become U+FFFD.
    """
    if charset == "utf-8" and raw.isascii():
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="replace")
    # Through Latin-1, which keeps every byte, because bytes may come percent-encoded and bare in one request.
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return [(_reread(name, charset), _reread(value, charset)) for name, value in pairs]


def _reread(text: str, charset: str) -> str:
    return text.encode("latin-1").decode(charset, "replace")


def read_multipart(body: bytes, content_type: str) -> list[Pair] | None:
    """Decode the fields of `multipart/form-data`; None when the header names no boundary: it is something else then."""
    kind = content_type.lower()
    if not kind.startswith("multipart/") or "boundary=" not in kind:
        return None
    header = f"Content-Type: {content_type}\r\n\r\n".encode()
    parsed = BytesParser(policy=HTTP).parsebytes(header + body)
    return [_field(part) for part in parsed.walk() if not part.is_multipart()]


def _field(part: Message) -> Pair:
    name = part.get_param("name", "", header="content-disposition")
    payload = part.get_payload(decode=True)
    value = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return str(name), value
