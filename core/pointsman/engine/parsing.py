"""The door: a caller's message becomes an envelope, or is refused with the reason. Nothing behind it checks again."""

from collections.abc import Callable, Mapping

import msgspec

from pointsman.clock import Clock
from pointsman.engine.dues import due_of
from pointsman.engine.ids import Ids
from pointsman.errors import InvalidMessage
from pointsman.message import (
    Channel,
    Envelope,
    Fallback,
    FallbackBy,
    HlrLookup,
    Message,
    MessageClass,
    Msisdn,
    Network,
    Segments,
    Sms,
    Viber,
    channel_of,
)
from pointsman.routing.match import Route, route_of
from pointsman.text import NumberRanges, check_sender, classify, count_segments, parse_msisdn, translit

MOST_SEGMENTS = 255
"""A text message cannot have more: the number of a part is one byte (3GPP TS 23.040)."""

LifeLimits = Mapping[tuple[str, MessageClass], float]
"""Seconds that a message lives when its caller sets no limit, by route and class."""


class Parsed(msgspec.Struct, frozen=True):
    """A valid message and the route that is for it."""

    envelope: Envelope
    route: Route | None


def _knows_nothing(to: Msisdn) -> None:
    del to


class Door:
    """Parses messages. Knows the region, the number ranges, the routes and the default lives; has no state."""

    def __init__(
        self,
        *,
        region: str,
        ranges: NumberRanges | None,
        routes: tuple[Route, ...],
        lives: LifeLimits,
        clock: Clock,
        ids: Ids,
        network_of: Callable[[Msisdn], Network | None] = _knows_nothing,
    ) -> None:
        """`network_of` tells the network that a lookup found for a number, which is better than what ranges say."""
        self._network_of = network_of
        self._region = region
        self._ranges = ranges
        self._routes = routes
        self._lives = lives
        self._clock = clock
        self._ids = ids

    def parse(self, message: Message, network: Network | None = None) -> Parsed:
        """Return the envelope of a message. Raises `InvalidMessage`.

        `network` is better knowledge than the number gives, such as the result of a lookup.
        """
        to = parse_msisdn(message.to, self._region)
        message = _in_latin(message)
        segments = None if isinstance(message, HlrLookup) else _check_text(message)
        if message.ttl is not None and message.ttl.total_seconds() <= 0:
            raise InvalidMessage("ttl", f"{message.ttl} is over already; give a time longer than zero")
        now = self._clock.now()
        due = due_of(message, to, self._ranges, now)
        envelope = Envelope(
            id=self._ids.new(),
            message=message,
            channel=channel_of(message),
            to=to,
            network=network or self._network_of(to) or classify(to, self._ranges),
            segments=segments,
            accepted_at=now,
            deadline=due.at,
            due=due.at,
            local=due.local,
        )
        route = route_of(self._routes, envelope)
        return Parsed(msgspec.structs.replace(envelope, deadline=due.at + self._life(message, route)), route)

    def number(self, text: str) -> Msisdn:
        """Return a number as messages have it. Raises `InvalidMessage`."""
        return parse_msisdn(text, self._region)

    def _life(self, message: Message, route: Route | None) -> float:
        if message.ttl is not None:
            return message.ttl.total_seconds()
        return self._lives[route.name, message.message_class] if route is not None else DEFAULT_LIFE


DEFAULT_LIFE = 300.0
"""Seconds for a message that no route is for; it is refused at once anyway."""


def _in_latin(message: Message) -> Message:
    """Return a message with the texts that are to be sent in Latin letters written so."""
    replace = msgspec.structs.replace
    match message:
        case Sms(transliterate=True):
            return replace(message, text=translit(message.text))
        case Viber(fallback=Fallback(transliterate=True, by=FallbackBy.ROUTER) as fallback):
            text = translit(message.text if fallback.text is None else fallback.text)
            return replace(message, fallback=replace(fallback, text=text))
        case _:
            return message


def _check_text(message: Sms | Viber) -> Segments:
    text = message.text
    if not text.strip():
        raise InvalidMessage("text", "is empty; nobody would deliver it")
    if "\x00" in text or (not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text)):
        raise InvalidMessage("text", "holds a character that cannot be sent (NUL or half of a surrogate pair)")
    if message.sender is not None:
        check_sender(message.sender)
    segments = count_segments(text)
    if channel_of(message) is Channel.SMS and segments.count > MOST_SEGMENTS:
        raise InvalidMessage("text", f"needs {segments.count} segments; an SMS has at most {MOST_SEGMENTS}")
    return segments
