"""The last look at a log line: values under names that sound secret, and known secrets wherever they stand."""

import enum
import functools
import re
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any
from urllib.parse import quote, quote_plus

from structlog.typing import EventDict, WrappedLogger

from pointsman.secret import Secret

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|cookie|authori[sz]ation|session_?id|(api|access|private|signing)_?key",
    re.IGNORECASE,
)
_SHORTEST = 4
"""Shorter secrets are not looked for: they would be found in every second word."""
_DEEPEST = 6
_HARMLESS = (int, float, NoneType, enum.Enum)
"""Kinds of value that cannot hold a secret."""
_SEAM = "\n"
"""Between texts that are looked through together; a secret that seems to lie across it is looked for again, apart."""


class Redactor:
    """A processor for structlog.

    `secrets` are the configured ones. They are looked for in every text of a line, because providers like to repeat in
    an error message the password that they refuse.
    """

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        texts = {secret.reveal() for secret in secrets}
        forms = {form for text in texts for form in (text, quote(text, safe=""), quote_plus(text))}
        # The longest first, so that no rest of a secret remains when another one is a part of it.
        self._known = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, _: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        """Return the line without secrets."""
        if self._is_clean(event_dict):
            return event_dict
        return {name: HIDDEN if _sounds_secret(name) else self._clean(value, 0) for name, value in event_dict.items()}

    def _is_clean(self, event_dict: EventDict) -> bool:
        """Say whether a line need not be looked at closer, as nearly all: its texts are looked through at once."""
        if _name_secrets(tuple(event_dict)):
            return False
        texts = []
        for value in event_dict.values():
            if type(value) is str:
                texts.append(value)
            elif not isinstance(value, _HARMLESS):
                return False
        text = _SEAM.join(texts)
        for secret in self._known:  # noqa: SIM110 - a generator for each line costs more than the whole loop
            if secret in text:
                return False
        return True

    def _clean(self, value: Any, depth: int) -> Any:
        if isinstance(value, _HARMLESS):
            return value
        if isinstance(value, str):
            return self._without_secrets(value)
        if isinstance(value, Secret) or depth >= _DEEPEST:
            return HIDDEN
        if isinstance(value, Mapping):
            return {
                self._text(name): HIDDEN if _sounds_secret(str(name)) else self._clean(item, depth + 1)
                for name, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(item, depth + 1) for item in value]
        return self._text(value)

    def _text(self, value: object) -> str:
        return self._without_secrets(value if isinstance(value, str) else str(value))

    def _without_secrets(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text


@functools.lru_cache(maxsize=1024)
def _sounds_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


@functools.lru_cache(maxsize=256)
def _name_secrets(names: tuple[str, ...]) -> bool:
    """Say whether one of the names in a line sounds secret; there are few kinds of line."""
    return any(map(_sounds_secret, names))
