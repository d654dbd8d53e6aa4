"""Identifiers that sort by time and need no coordination."""

from random import Random

from pointsman.clock import Clock

ID_LENGTH = 28
"""Characters of an identifier; references of attempts begin with the identifier of their message."""
_RANDOM_BITS = 64


class Ids:
    """Makes identifiers of 28 hexadecimal digits: 48 bits of milliseconds and 64 of chance.

    Within one millisecond the random part is counted up, so that order is order of making. Short enough that two more
    characters for the attempt stay within the 32 that providers allow for a reference.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._last = 0

    def new(self) -> str:
        """Return an identifier greater than all before."""
        fresh = int(self._clock.now() * 1000) << _RANDOM_BITS | self._random.getrandbits(_RANDOM_BITS - 1)
        self._last = fresh if fresh > self._last else self._last + 1
        return f"{self._last:028x}"
