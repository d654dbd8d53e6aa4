"""Keys of clients: how they are made, how one that was mistyped is told, and whose one is."""

import enum
import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator

import msgspec

PREFIX = "pm"
LONGEST_KEY = 256
"""Characters; a longer one is not even hashed."""
_FORM = re.compile(r"pm_[0-9a-f]{8}_[A-Za-z0-9_-]{43}_([0-9a-f]{8})")


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is shown once, and what is written into the configuration."""

    key: str
    key_sha256: str

    def __repr__(self) -> str:
        return f"NewKey(key='***', key_sha256={self.key_sha256!r})"


class Holder(msgspec.Struct, frozen=True):
    """Whose key it is, and until when."""

    client: str
    digest: bytes
    expires: float = float("inf")
    """Wall time, seconds since the epoch."""


class Rejection(enum.StrEnum):
    """Why a key was not taken. Clients are told the same of all of them; metrics tell them apart."""

    MISSING = "missing"
    MISTYPED = "mistyped"
    """It looks like one of our keys, but its check digits are wrong."""
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    LIMITED = "limited"
    """Too many keys from this address were wrong; this one is, too."""


def make_key() -> NewKey:
    """Return a new key: `pm_<id>_<256 random bits>_<check digits>`."""
    body = f"{PREFIX}_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    key = f"{body}_{_check(body)}"
    return NewKey(key=key, key_sha256=digest_of(key).hex())


def digest_of(key: str) -> bytes:
    """Return the SHA-256 of a key. It needs no salt and no slow hash, because a key has 256 random bits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def is_mistyped(key: str) -> bool:
    """Say whether this was meant to be one of our keys and cannot be one."""
    if not key.startswith(f"{PREFIX}_"):
        return False
    found = _FORM.fullmatch(key)
    return found is None or found[1] != _check(key[: found.start(1) - 1])


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


class Keyring:
    """Knows whose key is whose, by digest; the keys themselves are nowhere."""

    def __init__(self, holders: Iterable[Holder]) -> None:
        self._holders = {holder.digest: holder for holder in holders}

    def find(self, key: str, now: float) -> Holder | Rejection:
        """Return who holds a key, or why it is not taken."""
        if len(key) > LONGEST_KEY:
            return Rejection.UNKNOWN
        digest = digest_of(key)
        # The look-up is by digest, whose bits nobody can choose; what decides is a comparison in constant time.
        holder = self._holders.get(digest)
        if not hmac.compare_digest(digest, holder.digest if holder is not None else bytes(len(digest))):
            return Rejection.MISTYPED if is_mistyped(key) else Rejection.UNKNOWN
        return holder if holder is not None and now < holder.expires else Rejection.EXPIRED


def holders_of(client: str, hashes: Iterable[str], expires: float = float("inf")) -> Iterator[Holder]:
    """Yield a client's keys, whose hashes are in hexadecimal digits."""
    for one in hashes:
        yield Holder(client, bytes.fromhex(one), expires)
