"""The last look at a log line: values under names that sound secret, and known secrets wherever they stand."""

import re
from collections.abc import Iterable, Mapping
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
        return {name: self._clean(name, value, 0) for name, value in event_dict.items()}

    def _clean(self, name: object, value: Any, depth: int) -> Any:
        if isinstance(name, str) and _SECRET_NAME.search(name):
            return HIDDEN
        match value:
            case str():
                return self._without_secrets(value)
            case None | bool() | int() | float():
                return value
            case Secret():
                return HIDDEN
            case _ if depth >= _DEEPEST:
                return HIDDEN
            case Mapping():
                return {self._text(key): self._clean(key, item, depth + 1) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean("", item, depth + 1) for item in value]
            case _:
                return self._text(value)

    def _text(self, value: object) -> str:
        return self._without_secrets(value if isinstance(value, str) else str(value))

    def _without_secrets(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text
