"""What the tests of the guard share: a guard with a clock that stands still, prices by country, and its events."""

import itertools
from collections.abc import Sequence
from decimal import Decimal

import pytest

from pointsman.config import Config, parse_config
from pointsman.engine.orders import Admission
from pointsman.errors import Denied
from pointsman.events import Event, GuardStopped
from pointsman.guard import Guard
from pointsman.loading import load_plugins
from pointsman.message import (
    Channel,
    Envelope,
    HlrLookup,
    Message,
    MessageClass,
    Msisdn,
    Network,
    Origin,
    Sms,
    channel_of,
)
from pointsman.testing import FakeClock
from pointsman.text import count_segments, country_of

ENV = {"LOGIN": "somebody", "PASSWORD": "not-a-real-one"}
KEYS = ("0" * 64, "1" * 64)
NUMBER = "79161234567"
PLUGINS = load_plugins()


def config_of(client: str = "", guard: str = "", more: str = "", bank: str = "") -> Config:
    """Return a configuration with the clients `shop` and `bank`; the keys are lines of its tables."""
    return parse_config(
        f"""
[clients.shop]
key_sha256 = "{KEYS[0]}"
{client}

[clients.bank]
key_sha256 = "{KEYS[1]}"
{bank}

[guard]
{guard}

[rates]
RUB = "0.01"

[providers.one]
plugin = "smstele"
login = {{ env = "LOGIN" }}
password = {{ env = "PASSWORD" }}
{more}
""",
        plugins=PLUGINS,
        env=ENV,
    )


class Rig:
    """A guard, its clock, what it told, and what messages cost by country."""

    def __init__(self, client: str = "", guard: str = "", more: str = "") -> None:
        self.clock = FakeClock()
        self.prices: dict[str | None, Decimal] = {}
        self.asked = 0
        self.events: list[Event] = []
        self._ids = itertools.count(1)
        self.guard = self.another(config_of(client, guard, more))

    def another(self, config: Config) -> Guard:
        """Return one more guard with the same clock and prices."""
        return Guard(config, self.clock, expected=self._price, emit=self.events.append)

    def _price(self, envelope: Envelope) -> Decimal | None:
        self.asked += 1
        price = self.prices.get(envelope.network.country)
        return None if price is None else price * envelope.parts

    def envelope(
        self,
        to: str = NUMBER,
        *,
        text: str = "x",
        sender: str | None = None,
        message_class: MessageClass = MessageClass.OTP,
        message: Message | None = None,
    ) -> Envelope:
        """Return a message after parsing."""
        if message is None:
            message = Sms(to=to, text=text, sender=sender, message_class=message_class)
        channel, now = channel_of(message), self.clock.now()
        return Envelope(
            id=f"{next(self._ids):028x}",
            message=message,
            channel=channel,
            to=Msisdn(message.to),
            network=Network(country_of(Msisdn(message.to))),
            segments=None if channel is Channel.HLR else count_segments(text),
            accepted_at=now,
            deadline=now + 300,
            origin=Origin("shop"),
        )

    def lookup(self, to: str = NUMBER) -> Envelope:
        """Return a lookup after parsing."""
        return self.envelope(message=HlrLookup(to=to))

    def admit(self, *envelopes: Envelope, client: str = "shop") -> Admission:
        """Let an order in."""
        return self.guard.admit(client, envelopes)

    def rule(self, *envelopes: Envelope, client: str = "shop") -> str | None:
        """Return which rule stops an order; None when it is let in."""
        try:
            self.admit(*envelopes, client=client)
        except Denied as denied:
            return denied.rule
        return None

    def denied(self, *envelopes: Envelope, client: str = "shop") -> Denied:
        """Return why an order is refused, which has to be so."""
        with pytest.raises(Denied) as caught:
            self.admit(*envelopes, client=client)
        return caught.value

    async def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)

    @property
    def stops(self) -> list[GuardStopped]:
        """Every stop that was told."""
        return [event for event in self.events if isinstance(event, GuardStopped)]


def numbers(count: int, start: int = 79160000000, step: int = 10_000) -> Sequence[str]:
    """Return numbers, each in another range."""
    return [str(start + step * number) for number in range(count)]
