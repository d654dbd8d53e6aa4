"""Values that router.toml writes as text: durations, addresses, URLs and names."""

import ipaddress
import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from pointsman.text import is_region

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_LIFE = 30 * UNITS["d"]
"""Seconds. No network keeps a message that long; more is a slip of the pen."""
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
SHORTEST_CAP = UNITS["m"]
LONGEST_CAP = UNITS["d"]
_CAP = re.compile(r"([1-9]\d{0,8}) in (\S+)", re.ASCII)
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})", re.ASCII)
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_KEYS = 10
_CURRENCY = re.compile(r"[A-Z]{3}")


class Duration(float):
    """A length of time in seconds; the file writes it as `"500ms"`, `"30s"`, `"2m"`, `"1h30m"` or `"1d"`."""

    __slots__ = ()


class Life(Duration):
    """How long a message may live; written like any duration, 30 days at most."""

    __slots__ = ()


class ClockTime(int):
    """A time of the day in minutes after midnight; the file writes it as `"21:00"`."""

    __slots__ = ()


class Zone(str):
    """A time zone by its name in the IANA database, such as `"Europe/Moscow"`."""

    __slots__ = ()


class PublicUrl(str):
    """Where providers reach us: `"https://sms.example"`, without a slash at the end."""

    __slots__ = ()


class StoreUrl(str):
    """Where messages are kept: the kind of store, a colon, and what that kind wants to know, such as a path."""

    __slots__ = ()


class NewFile(str):
    """The path of a file that need not be there yet, in a folder that is."""

    __slots__ = ()


class IpRange(str):
    """A range of IP addresses, such as `"10.0.0.0/8"`, or a single address."""

    __slots__ = ()


class Destination(str):
    """A country to which a client may send (ISO 3166-1 alpha-2), or `"*"` for all."""

    __slots__ = ()


class KeyHashes(tuple[str, ...]):
    """The SHA-256 of one key or of several that are valid side by side, each as 64 hexadecimal digits."""

    __slots__ = ()


class Cap(msgspec.Struct, frozen=True):
    """So many messages in a time at most; the file writes it as `"5 in 10m"`."""

    messages: int
    seconds: Duration

    def __str__(self) -> str:
        unit = next(unit for unit in ("d", "h", "m", "s", "ms") if self.seconds % UNITS[unit] == 0)
        return f"{self.messages} in {self.seconds / UNITS[unit]:.0f}{unit}"


class Address(msgspec.Struct, frozen=True):
    """Where to listen; the file writes it as `"127.0.0.1:8080"` or `"[::1]:8080"`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_duration(value: object) -> Duration:
    """Return a duration. Raises `ValueError` that says how to write one."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError('expected a duration with its unit in quotes, such as "500ms", "30s", "2m", "1h30m" or "1d"')
    seconds = sum(float(number) * UNITS[unit] for number, unit in _PART.findall(value))
    if seconds <= 0:
        raise ValueError("expected a duration longer than zero")
    return Duration(seconds)


def parse_life(value: object) -> Life:
    """Return the life of a message. Raises `ValueError` that says how to write one."""
    life = Life(parse_duration(value))
    if life > LONGEST_LIFE:
        raise ValueError('no message lives longer than 30 days; write "30d" or less')
    return life


def parse_cap(value: object) -> Cap:
    """Return a cap. Raises `ValueError` that says how to write one."""
    found = _CAP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected so many messages in a time, in quotes, such as "5 in 10m" or "100 in 1d"')
    cap = Cap(int(found[1]), parse_duration(found[2]))
    if not SHORTEST_CAP <= cap.seconds <= LONGEST_CAP:
        raise ValueError('messages are counted over at least "1m" and at most "1d"')
    return cap


def parse_destination(value: object) -> Destination:
    """Return a country, or `"*"` for all. Raises `ValueError` for anything else."""
    if value == "*":
        return Destination(value)
    try:
        return Destination(parse_region(value))
    except ValueError as error:
        raise ValueError(f'{error}, or "*" for all') from None


def parse_clock_time(value: object) -> ClockTime:
    """Return a time of the day. Raises `ValueError` that says how to write one."""
    found = _CLOCK_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected a time of the day in quotes, such as "21:00"')
    return ClockTime(int(found[1]) * 60 + int(found[2]))


def parse_zone(value: object) -> Zone:
    """Return a time zone. Raises `ValueError` for one that this machine does not know."""
    try:
        known = isinstance(value, str) and value != "" and ZoneInfo(value) is not None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        known = False
    if not known or not isinstance(value, str):
        raise ValueError(
            'expected a time zone that this machine knows, such as "Europe/Moscow"; the package tzdata has them all'
        )
    return Zone(value)


def parse_address(value: object) -> Address:
    """Return an address to listen on. Raises `ValueError` that says how to write one."""
    found = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[2]) > 65535:
        raise ValueError('expected an address with its port in quotes, such as "127.0.0.1:8080" or "[::1]:8080"')
    return Address(found[1].strip("[]"), int(found[2]))


def parse_ip_range(value: object) -> IpRange:
    """Return a range of addresses. Raises `ValueError` that says how to write one."""
    try:
        return IpRange(ipaddress.ip_network(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError('expected a range of addresses in quotes, such as "10.0.0.0/8" or "192.0.2.7"') from None


def parse_key_hashes(value: object) -> KeyHashes:
    """Return the hashes of keys: one in quotes, or several in a list. Raises `ValueError`."""
    hashes = [value] if isinstance(value, str) else value
    if not isinstance(hashes, list) or not hashes or len(hashes) > MOST_KEYS:
        raise ValueError(f"expected the SHA-256 of a key in quotes, or a list of up to {MOST_KEYS} of them")
    if not all(isinstance(one, str) and _SHA256.fullmatch(one) for one in hashes):
        raise ValueError("expected the SHA-256 of a key: 64 digits of 0-9 a-f in quotes; `pointsman key` makes one")
    return KeyHashes(hashes)


def parse_base_url(value: object, *, allow_plain_http: bool) -> str:
    """Return an address of a provider without its last slash.

    Plain `http://` passes for a loopback address, or when it is allowed. Raises `ValueError`; its text never repeats
    the address, which may hold a password.
    """
    if not isinstance(value, str) or not value.isascii() or re.search(r"[\s\x00-\x1f\x7f\\]", value):
        raise ValueError('expected an address in quotes, such as "https://sms.example/api"')
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port != 0
    except ValueError:
        port_is_fine = False
    if not port_is_fine:
        raise ValueError("the host or the port of this address is not valid")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError('the address must start with "https://" and name a host')
    if parts.username is not None or parts.password is not None:
        raise ValueError('the address must not hold a user or a password; give them as settings, { env = "…" }')
    if parts.query or parts.fragment:
        raise ValueError('the address must end with its path; remove everything from "?" or "#" on')
    if parts.scheme == "http" and not allow_plain_http and not is_loopback(parts.hostname):
        raise ValueError(
            "plain http:// would send credentials and numbers readable over the network;"
            " write https://, or allow_plain_http = true in this provider's table"
        )
    return value.rstrip("/")


def parse_public_url(value: object) -> PublicUrl:
    """Return the address at which providers reach us, without its last slash. Raises `ValueError`."""
    url = parse_base_url(value, allow_plain_http=True)
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("over plain http:// reports and their secret token travel readable; write https://")
    return PublicUrl(url)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, by its text alone: no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_region(value: object) -> str:
    """Return a country that has telephone numbers (ISO 3166-1 alpha-2). Raises `ValueError` for anything else."""
    if not isinstance(value, str) or not is_region(value):
        raise ValueError('expected a country as two capital letters (ISO 3166-1), such as "RU" or "GB"')
    return value


def parse_currency(value: object) -> str:
    """Return a currency (ISO 4217 alpha-3 by its shape). Raises `ValueError` for anything else."""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise ValueError('expected a currency as three capital letters (ISO 4217), such as "EUR" or "RUB"')
    return value


def check_name(value: str) -> None:
    """Raise `ValueError` unless this can be the name of a provider, policy, route or client: they become labels."""
    if not _NAME.fullmatch(value):
        raise ValueError("a name is 1 to 32 of the characters A-Z a-z 0-9 _ - and starts with a letter or a digit")
