"""Which addresses may be posted to. Pure: what is judged is the address that is going to be connected to.

A client names the address itself, so it could name one inside of our network and have us call what it cannot reach. A
host name proves nothing, because its owner may let it lead anywhere and change that between two look-ups.
"""

import enum
import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Reach(enum.Enum):
    """Whose an address is."""

    PUBLIC = enum.auto()
    OURS = enum.auto()
    """This machine or a private network."""
    NOBODY = enum.auto()
    """Never posted to: not an address of one machine, one that leads to another, or where clouds tell secrets."""


_OURS: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(one)
    for one in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)
_CLOUDS: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(one)
    for one in ("100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128")
)
"""Where clouds tell secrets besides link-local addresses: among private ones, and one that looks public."""
_NOBODY: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # The first 96 bits are zero: the unspecified address, and an outdated way to hold one of version 4.
        "::/96",
        # These hold an address of version 4, to which a gateway may lead: SIIT, NAT64, Teredo and 6to4.
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "100::/64",
        "2001:2::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def reach_of(host: str) -> Reach:
    """Return whose an address is; what is no address is nobody's. One of version 4 within one of 6 counts as itself."""
    try:
        address: _Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return Reach.NOBODY
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in _CLOUDS if network.version == address.version):
        return Reach.NOBODY
    if any(address in network for network in _OURS if network.version == address.version):
        return Reach.OURS
    if any(address in network for network in _NOBODY if network.version == address.version):
        return Reach.NOBODY
    return Reach.PUBLIC if address.is_global and not address.is_multicast else Reach.NOBODY


def may_be_called(host: str, *, allow_private: bool) -> bool:
    """Say whether an address may be posted to."""
    reach = reach_of(host)
    return reach is Reach.PUBLIC or (reach is Reach.OURS and allow_private)
