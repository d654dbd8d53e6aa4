"""What is strange about a price list although every row of it can be read. Pure: the moment is passed in."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

import msgspec

from pointsman.routing.price import PriceRow
from pointsman.text import Networks, country_of_prefix

JUMP = 10
"""How many times the usual price of its country a row must cost, or be cheaper, to be a likely slip."""
SOON = timedelta(days=14)
"""A row that ends so soon, with nothing to follow it, is told."""
NAMED = 5
"""Networks without a price that are named, of each country."""


_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Oddity(enum.StrEnum):
    """What is strange; a closed set."""

    COVERED = "covered"
    """The row never holds, because of rows for longer prefixes."""
    OVERLAP = "overlap"
    """A row ends after another one for the same numbers has begun."""
    GAP = "gap"
    """Networks of a country that has prices have none."""
    JUMP = "jump"
    """A price is far from the usual one of its country."""
    FREE = "free"
    """A price is zero."""
    ENDS = "ends"
    """A row ends soon, or has ended, and nothing follows."""


class Placed(msgspec.Struct, frozen=True):
    """A row of a price list, and where it stands."""

    where: str
    """File and line, as people look for it."""
    row: PriceRow


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One strange thing about a price list."""

    where: str
    what: Oddity
    message: str
    """What it is and what to do."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.message}"


def examine(name: str, rows: Sequence[Placed], networks: Networks, now: datetime) -> tuple[Finding, ...]:
    """Return what is strange about the price list `name`, each thing once."""
    by_place: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
    for one in rows:
        by_place[one.row.channel, place_of(one.row)].append(one)
    found: list[Finding] = []
    for dated in by_place.values():
        dated.sort(key=lambda one: _start(one.row))
        found += _dates(dated, now)
    found += [
        _finding(one, Oddity.FREE, "a price of zero; leave the row out if the price is not known")
        for one in rows
        if not one.row.price
    ]
    current = [one for one in rows if _end(one.row) > now]
    found += _covered(current)
    found += _jumps(current, networks)
    found += _gaps(name, current, networks)
    return tuple(found)


def place_of(row: PriceRow) -> str:
    """Return for which numbers a row is, in the words of the file."""
    if row.mccmnc is not None:
        return f"mccmnc {row.mccmnc}"
    return f"prefix {row.prefix}" if row.prefix is not None else f"country {row.country}"


def _dates(dated: Sequence[Placed], now: datetime) -> Iterator[Finding]:
    """Look at the rows of one place, in the order in which they come into force.

    A row without an end that a later one replaces is the usual way to write a new price, and not strange.
    """
    for one, after in pairwise(dated):
        if one.row.valid_to is not None and one.row.valid_to > max(_start(after.row), now):
            begins = f"{after.where} begins on {_day(_start(after.row))}"
            yield _finding(one, Oddity.OVERLAP, f"{begins} and wins from then on; let this row end there")
    last = max(dated, key=lambda one: _end(one.row))
    if last.row.valid_to is not None and last.row.valid_to <= now + SOON:
        verb = "ended" if last.row.valid_to <= now else "ends"
        yield _finding(last, Oddity.ENDS, f"{verb} on {_day(last.row.valid_to)} and nothing follows; add a new price")


def _covered(rows: Sequence[Placed]) -> Iterator[Finding]:
    """Find prefixes that never count, because for every next digit there is a longer one as long as they hold."""
    spans: defaultdict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in rows:
        if one.row.prefix is not None:
            spans[one.row.channel, one.row.prefix].append((_start(one.row), _end(one.row)))
    for one in rows:
        prefix, start, end = one.row.prefix, _start(one.row), _end(one.row)
        if prefix is not None and all(
            _reaches(spans.get((one.row.channel, f"{prefix}{digit}"), []), start) >= end for digit in range(10)
        ):
            yield _finding(one, Oddity.COVERED, f"never holds: {prefix}0 to {prefix}9 have prices too; remove it")


def _reaches(spans: Iterable[tuple[datetime, datetime]], start: datetime) -> datetime:
    """Return up to when there is a span at every moment from `start` on."""
    until = start
    for begin, end in sorted(spans):
        if begin <= until:
            until = max(until, end)
    return until


def _jumps(rows: Iterable[Placed], networks: Networks) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
    for one in rows:
        country = _country(one.row, networks)
        if country is not None and one.row.price:
            groups[one.row.channel, country].append(one)
    for (_, country), group in groups.items():
        prices = sorted(one.row.price for one in group)
        if prices[-1] <= prices[0] * JUMP:
            continue
        usual = median(prices)
        for one in group:
            price = one.row.price
            if price > usual * JUMP or price * JUMP < usual:
                times = price / usual if price > usual else usual / price
                kind = "dearer" if price > usual else "cheaper"
                words = f"{price} is {times.quantize(Decimal(1))} times {kind} than usual in {country} ({usual})"
                yield _finding(one, Oddity.JUMP, f"{words}; look for a misplaced point")
            elif len(group) == 2:
                yield _finding(one, Oddity.JUMP, f"{prices[0]} and {prices[-1]} in {country}; is one wrong?")
                break


def _gaps(name: str, rows: Sequence[Placed], networks: Networks) -> Iterator[Finding]:
    listed: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    whole: set[tuple[str, str]] = set()
    for one in rows:
        country = _country(one.row, networks)
        if country is None:
            continue
        if one.row.mccmnc is None:
            whole.add((one.row.channel, country))  # a prefix may cover all of it; nobody can tell from here
        else:
            listed[one.row.channel, country].add(one.row.mccmnc)
    for (channel, country), codes in listed.items():
        missing = [one for one in networks.of(country) if one.mccmnc not in codes]
        if missing and (channel, country) not in whole:
            named = ", ".join(f"{one.mccmnc} {one.name}".strip() for one in missing[:NAMED])
            more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
            message = f"{channel}: networks of {country} without a price: {named}{more}; add a row for the country"
            yield Finding(where=name, what=Oddity.GAP, message=message)


def _country(row: PriceRow, networks: Networks) -> str | None:
    if row.country is not None:
        return row.country
    return networks.country(row.mccmnc) if row.mccmnc is not None else country_of_prefix(row.prefix or "")


def _finding(one: Placed, what: Oddity, message: str) -> Finding:
    return Finding(where=one.where, what=what, message=f"{one.row.channel} {place_of(one.row)}: {message}")


def _start(row: PriceRow) -> datetime:
    return row.valid_from or _EVER


def _end(row: PriceRow) -> datetime:
    return row.valid_to or _NEVER


def _day(moment: datetime) -> str:
    return moment.astimezone(_EVER.tzinfo).strftime("%Y-%m-%d")
