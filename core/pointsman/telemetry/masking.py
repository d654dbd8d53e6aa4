"""Numbers and providers' words, made fit for a log: no full number, and nothing that looks like one."""

import hashlib
import re
import secrets

from pointsman.message import Msisdn

HASH_LENGTH = 12
"""Hexadecimal digits: 48 bits, so that among a million numbers a chance meeting is unlikely (0.2 %)."""
MAX_DETAIL = 200
_LONGEST_READ = 1000
_NUMBER = re.compile(r"\+?\d(?:[\s().\-\u2010-\u2015]{0,2}\d){6,}")
"""Seven digits or more, as people write numbers: with blanks, dots, dashes and brackets between them."""
_LETTER = re.compile(r"[^\W\d]")


class Masker:
    """Shows enough of a number to recognise it, and a keyed hash to search by.

    Without a key one is drawn at random, and hashes of two processes cannot be compared. Numbers are so few that a hash
    without a secret key could simply be tried out.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes | None = None) -> None:
        self._key = hashlib.sha256(key).digest() if key else secrets.token_bytes(32)

    def mask(self, to: Msisdn) -> str:
        """Return a number such as `+7916***4567`; at least three digits are always hidden."""
        shown = max(len(to) - 3, 0)
        head = min(4, shown // 2)
        tail = min(4, shown - head)
        return f"+{to[:head]}***{to[len(to) - tail :]}"

    def hash(self, to: Msisdn) -> str:
        """Return a keyed BLAKE2b of the digits, in hexadecimal."""
        return hashlib.blake2b(to.encode(), key=self._key, digest_size=HASH_LENGTH // 2).hexdigest()


def scrub(text: str, limit: int = MAX_DETAIL) -> str:
    """Return somebody else's words, without what may be a number and not longer than `limit` characters."""
    if len(text) > _LONGEST_READ:
        # The cut may go through a number and leave a piece that is too short to be recognised.
        text = text[:_LONGEST_READ]
        last = max((found.end() for found in _LETTER.finditer(text)), default=0)
        text = f"{text[:last]}***"
    text = _NUMBER.sub("***", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
