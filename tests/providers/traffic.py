"""Draws random traffic: configurations, messages of all kinds, and when they are sent."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from pointsman.message import Channel, HlrLookup, Message, MessageClass, Sms, Viber
from pointsman.sandbox import DeliveryPlan, Fate

GOOD = tuple(f"79{code}00045{last:02}" for code in ("16", "26", "03", "77") for last in range(8))
"""Russian numbers that everybody serves."""
ABROAD = ("380501234567", "77011234567")
ODD = ("79070001122", "79676771707", "79160004597", "79160004598", "79160004599")
"""The first two are in no number plan of SMStele; lookups of the others end oddly at affiliate-sms.com."""
NONSENSE = ("12345", "8000", "+7", "nobody")
PRICES = {"7916": "2.20", "7926": "2.40", "7903": "2.30", "7977": "2.10", "": "6.00"}
"""Roubles for a segment by SMStele, which tells no prices: our list has to be right. The last is for all others."""
WORDS = ("code", "order", "bonus", "{[€]}", "delivery", "ready", "sale ^_^", "tomorrow")
CYRILLIC = ("код", "заказ", "скидка", "доставка", "готов", "завтра", "ёж", "😀")
MESSAGE_FATES = (Fate.DELIVERED, Fate.UNDELIVERED, Fate.EXPIRED, Fate.REJECTED, Fate.DELETED, Fate.UNKNOWN, Fate.STUCK)
LOOKUP_FATES = (Fate.REACHABLE, Fate.ABSENT, Fate.NONEXISTENT, Fate.FAILED, Fate.UNKNOWN, Fate.STUCK)


def draw_delivery(random: Random) -> DeliveryPlan:
    """Draw how long messages take here and how they end."""
    return DeliveryPlan(
        seconds_to_sent=random.uniform(0.1, 5),
        seconds_to_final=random.uniform(5, 120),
        spread=random.choice((0.0, 0.5)),
        messages=_weights(random, MESSAGE_FATES),
        lookups=_weights(random, LOOKUP_FATES),
    )


def _weights(random: Random, fates: tuple[Fate, ...]) -> dict[Fate, float]:
    good, *others = fates
    return {good: 6.0, **{fate: random.choice((0.0, 0.3, 1.0)) for fate in others}}


class Burst(msgspec.Struct, frozen=True):
    """Messages that are sent together, and the seconds before that."""

    pause: float
    messages: tuple[Message, ...]
    together: bool
    """By one call; else each by itself."""


def draw_bursts(random: Random, count: int, now: float) -> list[Burst]:
    """Draw so many messages, in bursts."""
    bursts: list[Burst] = []
    left, at = count, now
    while left > 0:
        pause = random.choice((0.0, 0.2, 3.0, 20.0, 90.0))
        at += pause
        messages = _draw_messages(random, min(left, random.choice((1, 2, 5, 12))), at, serial=len(bursts))
        bursts.append(Burst(pause, tuple(messages), together=random.random() < 0.6))
        left -= len(messages)
    return bursts


def _draw_messages(random: Random, count: int, now: float, serial: int) -> list[Message]:
    """Draw messages that have much in common, so that some of them can travel together; some are sent twice."""
    channel = random.choice((Channel.SMS, Channel.SMS, Channel.SMS, Channel.HLR, Channel.HLR, Channel.VIBER))
    text = draw_text(random, serial)
    common = {
        "message_class": random.choice(list(MessageClass)),
        "ttl": random.choice((None, None, timedelta(seconds=random.choice((20, 90, 600, 7200))))),
        "reference": random.choice((None, f"order-{serial}")),
    }
    extra = _extra(random, now, channel)
    messages: list[Message] = []
    for _ in range(count):
        to = random.choice(random.choice((GOOD, GOOD, GOOD, GOOD, ABROAD, ODD)))
        if messages and random.random() < 0.15:
            to = messages[-1].to
        match channel:
            case Channel.SMS:
                messages.append(Sms(to, text, **common, **extra))
            case Channel.VIBER:
                messages.append(Viber(to, text, **common, **extra))
            case Channel.HLR:
                messages.append(HlrLookup(to, **common))
    return messages


def _extra(random: Random, now: float, channel: Channel) -> dict[str, object]:
    """Draw what not every message has."""
    extra: dict[str, object] = {}
    if random.random() < 0.2:
        extra["send_at"] = datetime.fromtimestamp(now + random.uniform(1, 900), UTC)
    if random.random() < 0.3:
        extra["tags"] = ("kept",)
    if channel is Channel.SMS:
        extra["flash"] = random.random() < 0.1
        extra["transliterate"] = random.random() < 0.2
    if random.random() < 0.3:
        extra["sender"] = random.choice(("SHOP", "SHOP", "STRANGER"))
    return extra


def draw_text(random: Random, serial: int) -> str:
    """Draw a text of one to three segments that no other burst has."""
    words = random.choice((WORDS, WORDS, CYRILLIC))
    length = random.choice((20, 60, 69, 130, 150, 158, 190, 300, 440))
    text = f"T{serial:04} "
    while len(text) < length:
        text += random.choice(words) + " "
    return text[:length].strip()


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What of the configuration differs from seed to seed."""

    strategy: str
    max_attempts: int
    order: tuple[str, ...]
    """The accounts as routes name them."""
    keep: bool
    """Messages with the tag `kept` are kept by the provider until they are due."""
    on_unknown: str | None
    true_prices: bool
    """Our list has the prices of Devino's; else it is out of date, and what Devino tells has to count."""
    flight: int
    tariff: int
    hlr_auth: str


def draw_setup(random: Random) -> Setup:
    """Draw it."""
    order = ["devino", "second", "smstele", "affiliate"]
    random.shuffle(order)
    return Setup(
        strategy=random.choice(("priority", "cheapest", "weighted")),
        max_attempts=random.randint(1, 6),
        order=tuple(order),
        keep=random.random() < 0.5,
        on_unknown=random.choice((None, None, None, "next", "reconcile", "stop")),
        true_prices=random.random() < 0.5,
        flight=random.choice((1, 2, 8)),
        tariff=random.choice((0, 9)),
        hlr_auth=random.choice(("session", "password")),
    )


_HEAD = """
[router]
currency = "EUR"
[rates]
RUB = "0.01"
[daemon]
public_url = "{callbacks}"
[policies.default]
strategy = "{setup.strategy}"
max_attempts = {setup.max_attempts}
"""
_COMMON = """
max_in_flight = {setup.flight}
read_timeout = "{patience}"
balance_every = "1h"
poll = {{ first = "3s", longest = "3h" }}
"""
_DEVINO = """
[providers.{name}]
plugin = "devino"
base_url = "{url}"
login = {{ env = "DEVINO_LOGIN" }}
password = {{ env = "DEVINO_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
viber = true
{more}
prices = [{prices}]
"""
_SMSTELE = """
[providers.smstele]
plugin = "smstele"
base_url = "{url}"
login = {{ env = "SMSTELE_LOGIN" }}
password = {{ env = "SMSTELE_PASSWORD" }}
senders = ["SHOP"]
currency = "RUB"
hlr = true
deferred_offset = "+03:00"
opening_balance = "{balance}"
prices = [{prices}]
"""
_AFFILIATE = """
[providers.affiliate]
plugin = "affiliate_hlr"
base_url = "{url}"
api_key = {{ env = "AFFILIATE_KEY" }}
callback_token = {{ env = "CALLBACK_TOKEN" }}
tariff = {setup.tariff}
currency = "EUR"
opening_balance = "{balance}"
prices = [{prices}]
"""
COUNTRIES = ("RU", "UA", "KZ")


def write_config(setup: Setup, urls: dict[str, str], balances: dict[str, str], callbacks: str, patience: str) -> str:
    """Write a configuration; `urls` and `balances` are by account."""
    common = _COMMON.format(setup=setup, patience=patience)
    factor = 1 if setup.true_prices else 2
    devino = ", ".join(
        f'{{ country = "{country}", channel = "{channel}", price = "{price * factor:.2f}" }}'
        for country in COUNTRIES
        for channel, price in (("sms", 1.5), ("hlr", 0.2), ("viber", 0.9))
    )
    smstele = ", ".join(
        f'{{ prefix = "{prefix}", channel = "sms", price = "{price}" }}'
        for key, price in PRICES.items()
        for prefix in ((key,) if key else ("380", "77", "7907", "7967"))
    )
    for country in COUNTRIES:
        smstele += f', {{ country = "{country}", channel = "viber", price = "1.50" }}'
        smstele += f', {{ country = "{country}", channel = "hlr", price = "0.30" }}'
    affiliate = ", ".join(f'{{ country = "{country}", channel = "hlr", price = "0.0050" }}' for country in COUNTRIES)
    first = f'hlr_auth = "{setup.hlr_auth}"'
    accounts = {
        "devino": _DEVINO.format(name="devino", url=urls["devino"], more=first, prices=devino),
        "second": _DEVINO.format(name="second", url=urls["second"], more="schedule = true", prices=devino),
        "smstele": _SMSTELE.format(url=urls["smstele"], balance=balances["smstele"], prices=smstele),
        "affiliate": _AFFILIATE.format(
            setup=setup, url=urls["affiliate"], balance=balances["affiliate"], prices=affiliate
        ),
    }
    names = ", ".join(f'"{name}"' for name in setup.order)
    unknown = f'on_unknown = "{setup.on_unknown}"\n' if setup.on_unknown else ""
    routes = f'[[routes]]\nname = "all"\nproviders = [{names}]\n{unknown}'
    if setup.keep:
        keepers = ", ".join(f'"{name}"' for name in setup.order if name != "affiliate")
        match = '{ channel = ["sms", "viber"], tag = "kept" }'
        kept = f'[[routes]]\nname = "kept"\nmatch = {match}\nproviders = [{keepers}]\nschedule = "provider"\n{unknown}'
        routes = kept + routes
    tables = "\n".join(table.replace("prices =", f"{common}\nprices =") for table in accounts.values())
    return f"{_HEAD.format(setup=setup, callbacks=callbacks)}\n{tables}\n{routes}"
