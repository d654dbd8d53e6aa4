"""On which line of a TOML file each key stands; TOML parsers do not tell.

Theory of operation. The text has been parsed before, so it is valid TOML, and a scan that only follows keys, brackets
and strings is enough. A place is a path of keys and of indices into lists, such as `("routes", 0, "match", "class")`.
"""

import re

Path = tuple[str | int, ...]
"""Keys and indices from the top of the file down to a value."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def dotted(path: Path) -> str:
    """Return a path as people write it: `routes[0].match.class`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part if _BARE.fullmatch(part) else f'"{part}"'
            text += f".{plain}" if text else plain
    return text


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every key, table and list item of a valid TOML text."""
    return _Scanner(text).lines


class _Scanner:
    """Walks over the text once; `lines` is what it found, `_tables` counts the tables of each list of tables."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        base: Path = ()
        self._skip(_BLANK)
        while self._at < len(text):
            base = self._header() if text[self._at] == "[" else self._assignment(base)
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        taken = found.group() if found else ""
        self._at += len(taken)
        self._line += taken.count("\n")
        return taken

    def _take(self, expected: str) -> bool:
        there = self._text.startswith(expected, self._at)
        if there:
            self._at += len(expected)
        return there

    def _note(self, path: Path) -> None:
        """Remember the line of a path, and of the tables above it that were never opened on their own."""
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self._line)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            quoted = self._skip(_STRING)
            parts.append(quoted[1:-1] if quoted else self._skip(_BARE))
            self._skip(_SPACE)
            if not self._take("."):
                return tuple(parts)

    def _header(self) -> Path:
        is_list = self._take("[[") or not self._take("[")
        path: Path = ()
        key = self._key()
        for place, part in enumerate(key):
            path = (*path, part)
            if is_list and place == len(key) - 1:
                self._tables[path] = self._tables.get(path, -1) + 1
            if path in self._tables:
                path = (*path, self._tables[path])
        self._note(path)
        self.lines[path] = self._line
        self._take("]]" if is_list else "]")
        return path

    def _assignment(self, base: Path) -> Path:
        path = (*base, *self._key())
        self._note(path)
        self._take("=")
        self._value(path)
        return base

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        if self._take("["):
            self._items(path)
        elif self._take("{"):
            self._inline_table(path)
        elif not self._skip(_STRING) and not self._skip(_SCALAR):
            self._at += 1

    def _items(self, path: Path) -> None:
        index = 0
        self._skip(_BLANK)
        while self._at < len(self._text) and not self._take("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _inline_table(self, path: Path) -> None:
        self._skip(_BLANK)
        while self._at < len(self._text) and not self._take("}"):
            self._assignment(path)
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)
