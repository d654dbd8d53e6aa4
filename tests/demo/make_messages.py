"""Writes the demo's messages: run it after a change of the script, and look at the difference.

Numbers are in blocks that the numbering plan has and that say 555 where a real one would not; texts are made up.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import count, cycle, islice
from pathlib import Path

TARGET = Path(__file__).parents[2] / "core" / "pointsman" / "demo" / "data" / "messages.csv"
COLUMNS = ("step", "channel", "class", "to", "text", "fate", "expect", "copies", "via")
OTP, TRANSACTIONAL, MARKETING = "otp", "transactional", "marketing"
MTS, MEGAFON, BEELINE, T2, YOTA = "7916", "7926", "7903", "7977", "7995"
KAZAKHSTAN, BELARUS = "7701", "37529"
NOT_IN_SMSTELES_PLAN = "7967"
BAD = "7907"
CHEAPER_AT_SMSTELE = (MTS, BEELINE, YOTA)
CHEAPER_AT_DEVINO = (MEGAFON, T2)
SALE = "Весенняя распродажа: до воскресенья скидка 30 % на всё. Покажите это сообщение на кассе магазина SHOP."
NEWS = "SHOP: new arrivals this week, free delivery until Sunday."
Row = dict[str, str]


class Writer:
    """Makes rows; every number is used once."""

    def __init__(self) -> None:
        self._numbers = {prefix: self._block(prefix) for prefix in self._prefixes()}
        self._codes = count(482_013, 7_919)
        self._orders = count(10_451)

    @staticmethod
    def _prefixes() -> tuple[str, ...]:
        return (*CHEAPER_AT_SMSTELE, *CHEAPER_AT_DEVINO, KAZAKHSTAN, BELARUS, NOT_IN_SMSTELES_PLAN, BAD)

    @staticmethod
    def _block(prefix: str) -> Iterator[str]:
        """Numbers whose last digits mean nothing to the lookup sandbox, which reads a fate from 97, 98 and 99."""
        return (f"+{prefix}555{n:04d}" for n in count(101, 3) if n % 100 < 97)

    def number(self, prefix: str) -> str:
        """Return a number that no other row has."""
        return next(self._numbers[prefix])

    def text(self, message_class: str) -> str:
        """Return a text: of its own for each message, but for marketing."""
        if message_class == OTP:
            return f"{next(self._codes) % 1_000_000:06d} is your SHOP code. Tell it to nobody."
        if message_class == TRANSACTIONAL:
            order = next(self._orders)
            return f"Заказ {order} готов к выдаче." if order % 3 else f"SHOP: order {order} is on its way."
        return SALE

    def sms(
        self,
        step: str,
        message_class: str,
        prefix: str,
        *,
        text: str | None = None,
        fate: str = "",
        expect: str = "delivered",
        copies: str = "1",
        via: str = "",
    ) -> Row:
        """Return a text message."""
        return {
            "step": step,
            "channel": "sms",
            "class": message_class,
            "to": self.number(prefix),
            "text": text or self.text(message_class),
            "fate": fate,
            "expect": expect,
            "copies": copies,
            "via": via,
        }

    def lookup(self, step: str, prefix: str, **other: str) -> Row:
        """Return a lookup."""
        row = self.sms(step, TRANSACTIONAL, prefix, expect="resolved", via="affiliate_hlr")
        return {**row, "channel": "hlr", "text": "", **other}


def best(message_class: str, prefix: str) -> str:
    """Return who gets a message when all is well: by priority for Russian codes, by price for all others."""
    if prefix in CHEAPER_AT_SMSTELE or (message_class == OTP and prefix in CHEAPER_AT_DEVINO):
        return "smstele"
    return "devino"


def ordinary(writer: Writer, step: str, amount: int) -> Iterator[Row]:
    """Yield messages of all classes to all networks, as they come."""
    russian = (*CHEAPER_AT_SMSTELE, *CHEAPER_AT_DEVINO)
    everywhere = cycle([*russian, *russian, KAZAKHSTAN, BELARUS])
    classes = cycle([TRANSACTIONAL, OTP, MARKETING, TRANSACTIONAL, MARKETING])
    for message_class, prefix in islice(zip(classes, everywhere, strict=False), amount):
        yield writer.sms(step, message_class, prefix, via=best(message_class, prefix))


def unlucky(writer: Writer, step: str) -> Iterator[Row]:
    """Yield messages that the networks do not deliver, whichever provider tries: the first one's loss is reported."""
    for fate in ("undelivered", "expired", "rejected"):
        for prefix in (MTS, MEGAFON):
            yield writer.sms(step, TRANSACTIONAL, prefix, fate=fate, expect=fate, copies="2")


def lookups(writer: Writer, step: str, amount: int) -> Iterator[Row]:
    """Yield lookups that end well."""
    for prefix in islice(cycle([MTS, MEGAFON, BEELINE, T2, YOTA, KAZAKHSTAN]), amount):
        yield writer.lookup(step, prefix)


def doubtful_lookups(writer: Writer, step: str) -> Iterator[Row]:
    """Yield lookups of telephones that are off, that only the second provider can answer, or that nobody can."""
    yield from (writer.lookup(step, prefix, fate="absent") for prefix in (MTS, T2))
    for ending, prefix in (("98", BEELINE), ("99", MTS), ("99", MEGAFON)):
        number = writer.number(prefix)[:-2] + ending
        yield writer.lookup(step, prefix, to=number, copies="2", via="")
    yield writer.lookup(step, T2, fate="failed", expect="failed", copies="2", via="")


def of(prefixes: Iterable[str], amount: int) -> Iterator[str]:
    """Yield this many prefixes in turn."""
    return islice(cycle(prefixes), amount)


def all_is_well(writer: Writer) -> Iterator[Row]:
    """The beginning."""
    yield from ordinary(writer, "calm", 78)
    yield from unlucky(writer, "calm")
    yield from lookups(writer, "calm", 24)


def mostly_harmless(writer: Writer) -> Iterator[Row]:
    """Faults after which nobody can be in doubt."""
    yield from (writer.sms("session", TRANSACTIONAL, prefix, via="devino") for prefix in of(CHEAPER_AT_DEVINO, 12))
    for wrong in ("+7 916 555", "+7916555O123", "8 800 555 35 35", "not a number", "+999 555 0123", "12345"):
        row = writer.sms("invalid", TRANSACTIONAL, MTS, expect="invalid", copies="0")
        yield {**row, "to": wrong}
    for _ in range(4):
        yield writer.sms("not-in-plan", TRANSACTIONAL, NOT_IN_SMSTELES_PLAN, via="devino")
    for _ in range(4):
        yield writer.sms("bad-number", TRANSACTIONAL, BAD, expect="failed", copies="0")
    yield from (writer.sms("throttle", TRANSACTIONAL, prefix, via="devino") for prefix in of(CHEAPER_AT_DEVINO, 8))
    for message_class, prefix in zip(cycle([OTP, TRANSACTIONAL]), of(CHEAPER_AT_SMSTELE, 8), strict=False):
        yield writer.sms("throttle", message_class, prefix, via="smstele")
    yield from lookups(writer, "throttle", 8)
    yield from (writer.sms("credits", TRANSACTIONAL, prefix) for prefix in of(CHEAPER_AT_DEVINO, 20))
    yield from (writer.sms("credits-after", TRANSACTIONAL, prefix, via="devino") for prefix in of(CHEAPER_AT_DEVINO, 8))


def in_doubt(writer: Writer) -> Iterator[Row]:
    """Faults after which nobody can say whether a message was taken; the class decides."""
    for message_class in (TRANSACTIONAL, MARKETING):
        yield writer.sms("gateway-taken", message_class, MEGAFON, expect="unknown", copies="1", via="devino")
    yield writer.sms("gateway-lost", MARKETING, T2, expect="unknown", copies="0")
    yield writer.sms("gateway-lost", OTP, KAZAKHSTAN, via="smstele")
    yield from (writer.sms("gateway-after", TRANSACTIONAL, prefix, via="devino") for prefix in of(CHEAPER_AT_DEVINO, 6))
    for message_class, prefix in ((TRANSACTIONAL, MEGAFON), (TRANSACTIONAL, T2), (MARKETING, T2)):
        yield writer.sms("silence", message_class, prefix, expect="unknown", copies="1", via="devino")
    yield writer.sms("silence", OTP, KAZAKHSTAN, copies="2")
    for message_class, prefix in ((TRANSACTIONAL, MTS), (TRANSACTIONAL, BEELINE), (MARKETING, MTS), (OTP, YOTA)):
        yield writer.sms("silence", message_class, prefix, text=NEWS if message_class == MARKETING else None)
    yield from lookups(writer, "silence", 4)


def outage(writer: Writer) -> Iterator[Row]:
    """One provider away, and the end."""
    for message_class, prefix in zip(
        cycle([TRANSACTIONAL, OTP, TRANSACTIONAL]), of(CHEAPER_AT_SMSTELE, 20), strict=False
    ):
        yield writer.sms("down", message_class, prefix, via="devino")
    yield writer.sms("probe", OTP, MTS, via="smstele")
    yield from (writer.sms("recovered", TRANSACTIONAL, prefix, via="smstele") for prefix in of(CHEAPER_AT_SMSTELE, 12))
    yield from ordinary(writer, "after", 50)
    yield from lookups(writer, "after", 18)
    yield from doubtful_lookups(writer, "after")


def render() -> str:
    """Return the whole file."""
    writer = Writer()
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for part in (all_is_well, mostly_harmless, in_doubt, outage):
        table.writerows(part(writer))
    return text.getvalue()


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
