"""Which network a row of an answer names."""

from pointsman.message import Msisdn, Network, NetworkSource
from pointsman.text.operators import network_by_mnc


def network_of(to: Msisdn, mnc: str) -> Network | None:
    """Return the network of a number and the mobile network code that SMStele gives for it, which lacks the country.

    None when there is no code or the country of the number is not known to us. SMStele looks it up by number range (a
    number outside of its plan has none), so it proves nothing of porting.
    """
    mccmnc = network_by_mnc(to, mnc) if mnc else None
    if mccmnc is None:
        return None
    country = "RU" if mccmnc.startswith("250") else None
    return Network(country=country, mccmnc=mccmnc, source=NetworkSource.RANGE)
