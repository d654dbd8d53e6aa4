"""Which sender ids can exist at all; what a provider or an operator allows is narrower still."""

import re

from pointsman.errors import InvalidMessage

MAX_LETTERS = 11
"""Characters of an alphanumeric sender: eleven septets fill the address field (3GPP TS 23.040, 9.1.2.5)."""
MAX_DIGITS = 15
"""Digits of a numeric sender, as in E.164."""

_DIGITS = re.compile(r"[0-9]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9 ._\-&!+*/()#]")
_LETTER = re.compile(r"[A-Za-z]")


def check_sender(text: str) -> None:
    """Return when the text can be a sender: at most 15 digits, or at most 11 characters with a letter among them.

    The characters are those that every provider and handset shows alike: Latin letters, digits, blank and
    `. _ - & ! + * / ( ) #`. Raises `InvalidMessage("sender", …)` that says which rule is broken.
    """
    problem = _problem(text)
    if problem is not None:
        raise InvalidMessage("sender", problem)


def valid_sender(text: str) -> bool:
    """Say whether `check_sender` would let the text pass."""
    return _problem(text) is None


def _problem(text: str) -> str | None:
    if not text:
        return "is empty; leave it out to use the provider's own sender"
    if _DIGITS.fullmatch(text):
        too_long = len(text) > MAX_DIGITS
        return f"has {len(text)} digits; a numeric sender has at most {MAX_DIGITS}" if too_long else None
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        return f"contains {foreign.group()!r}; use Latin letters, digits, blanks and . _ - & ! + * / ( ) #"
    if not _LETTER.search(text):
        return "has no letter; write a numeric sender as digits only, without + or other signs"
    if len(text) > MAX_LETTERS:
        return f"has {len(text)} characters; a sender with letters has at most {MAX_LETTERS}"
    return None
