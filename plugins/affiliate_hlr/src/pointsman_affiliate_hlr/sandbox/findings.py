"""What lookups find: by the number's range, or made up where the key is a test key."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import msgspec

from pointsman.sandbox import Fate, Outcomes
from pointsman_affiliate_hlr.sandbox import directory

CHANCES = (Fate.REACHABLE, Fate.ABSENT, Fate.UNKNOWN, Fate.FAILED)
"""How a lookup under a test key may end; each is as likely as the others."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a lookup tells of a number beside its status."""

    network: str | None
    """Country and network code."""
    ported: bool = False
    roaming: bool = False


class Findings:
    """The networks to which numbers have moved, and what was made up for single lookups."""

    def __init__(self) -> None:
        self.ported: dict[str, str] = {}
        """Network by number."""
        self._made_up: dict[str, Finding] = {}

    def of(self, lookup_id: str, msisdn: str) -> Finding:
        """Return what this lookup finds; the same every time it is asked for."""
        made_up = self._made_up.get(lookup_id)
        if made_up is not None:
            return made_up
        network = self.ported.get(msisdn)
        return Finding(network=directory.network_of(msisdn) if network is None else network, ported=network is not None)

    def make_up(self, lookup_id: str, random: Random) -> None:
        """Draw what a lookup finds, whatever its number."""
        network = random.choice(sorted(set(directory.NETWORKS.values())))
        self._made_up[lookup_id] = Finding(
            network=network, ported=random.random() < 1 / 2, roaming=random.random() < 1 / 2
        )

    def clear(self) -> None:
        """Forget everything."""
        self.ported.clear()
        self._made_up.clear()


@contextmanager
def ending(outcomes: Outcomes, msisdn: str, drawn: Fate | None, usual: Fate | None) -> Iterator[None]:
    """Say how a lookup that is created inside ends: as drawn, else as scripted, else as usual for the number."""
    scripted = outcomes.get(msisdn)
    fate = drawn or scripted or usual
    if fate is not None:
        outcomes[msisdn] = fate
    try:
        yield
    finally:
        outcomes.pop(msisdn, None)
        if scripted is not None:
            outcomes[msisdn] = scripted
