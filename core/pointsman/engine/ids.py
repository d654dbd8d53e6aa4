"""Identifiers that sort by time and need no coordination."""

from random import Random

from pointsman.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
ID_LENGTH = 26
"""Characters of an identifier; references of attempts begin with the identifier of their message."""


class Ids:
    """Makes ULIDs: 48 bits of milliseconds and 80 of chance as 26 characters of Crockford base 32, lower case.

    Within one millisecond the random part is counted up, so that order is order of making.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._last = 0

    def new(self) -> str:
        """Return an identifier greater than all before."""
        fresh = int(self._clock.now() * 1000) << _RANDOM_BITS | self._random.getrandbits(_RANDOM_BITS - 1)
        self._last = max(fresh, self._last + 1)
        return _encode(self._last)


_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)


def _encode(number: int) -> str:
    pairs = _PAIRS
    return "".join([pairs[(number >> shift) & 1023] for shift in range(120, -1, -10)])
