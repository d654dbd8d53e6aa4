"""The door: a caller's message becomes an envelope, or is refused with the reason. Nothing behind it checks again."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from pointsman.clock import Clock
from pointsman.engine.dues import due_of, zones_of
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
    NetworkSource,
    Segments,
    Sms,
    Viber,
    channel_of,
)
from pointsman.routing.match import Route, route_of
from pointsman.routing.quiet import awake_at
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


class Rules(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What messages are read and routed by, as the configuration says."""

    region: str
    ranges: NumberRanges | None
    routes: tuple[Route, ...]
    lives: LifeLimits
    offers: Mapping[str, Collection[Channel]]
    """Which channels each provider has."""


class Door:
    """Parses messages by the rules in force, which a new configuration replaces. Has no other state."""

    def __init__(
        self,
        rules: Rules,
        *,
        clock: Clock,
        ids: Ids,
        network_of: Callable[[Msisdn], Network | None] = _knows_nothing,
    ) -> None:
        """`network_of` tells the network that a lookup found for a number, which is better than what ranges say."""
        self._network_of = network_of
        self._clock = clock
        self._ids = ids
        self.renew(rules)

    def renew(self, rules: Rules) -> None:
        """Read and route by other rules from now on."""
        self._rules = rules
        self._in_force = frozenset(map(id, rules.routes))

    def in_force(self, envelope: Envelope, route: Route | None) -> Route | None:
        """Return a message's route if it is one of the rules in force, else the one that is for the message now."""
        return route if id(route) in self._in_force else self.route(envelope)

    def parse(self, message: Message, network: Network | None = None) -> Parsed:
        """Return the envelope of a message. Raises `InvalidMessage`, also for an SMS that may take its place later.

        `network` is better knowledge than the number gives, such as the result of a lookup.
        """
        parsed = self._parse(message, network)
        if isinstance(message, Viber) and message.fallback is not None:
            self._check_fallback(message.fallback, parsed)
        return parsed

    def check_offered(self, channel: Channel) -> None:
        """Raise `InvalidMessage` for a channel that no provider of the configuration has; one that is down has it."""
        if not any(channel in channels for channels in self._rules.offers.values()):
            raise InvalidMessage("channel", f"no provider of the configuration offers {channel}; use another channel")

    def routed(self, envelope: Envelope) -> Parsed:
        """Return a message that came through `parse` before, with the route that is for it."""
        return Parsed(envelope, self.route(envelope))

    def in_place_of(self, parsed: Parsed, message_id: str | None = None) -> Parsed:
        """Return the SMS that takes the place of a Viber message now; `message_id` is the id that it has already.

        Raises `InvalidMessage`, but not for a message that came through `parse`.
        """
        viber = parsed.envelope.message
        assert isinstance(viber, Viber) and viber.fallback is not None  # noqa: S101, PT018 - nobody else calls this
        # Between the two a lookup may have told more, most likely where the message was kept until it was due.
        network = self._network_of(parsed.envelope.to) or parsed.envelope.network
        sms = self._parse(_sms_of(viber, viber.fallback), network)
        envelope = msgspec.structs.replace(
            sms.envelope,
            id=message_id or sms.envelope.id,
            parent=parsed.envelope.id,
            origin=parsed.envelope.origin,
        )
        return Parsed(envelope, sms.route)

    def _check_fallback(self, fallback: Fallback, parsed: Parsed) -> None:
        if fallback.by is FallbackBy.PROVIDER:
            _check_resend(fallback)
            return
        if not fallback.on:
            raise InvalidMessage("fallback.on", "is empty, so the SMS would never start; name one, or leave it out")
        try:
            sms = self.in_place_of(parsed)
        except InvalidMessage as problem:
            raise InvalidMessage(f"fallback.{problem.field}", problem.problem) from None
        if sms.route is None:
            raise InvalidMessage("fallback", "no route of the configuration is for its SMS; add one, or leave it out")
        if not any(Channel.SMS in self._rules.offers[name] for name in sms.route.providers):
            raise InvalidMessage("fallback", f'no provider of the route "{sms.route.name}" can carry its SMS')

    def _parse(self, message: Message, network: Network | None) -> Parsed:
        to = parse_msisdn(message.to, self._rules.region)
        message = _in_latin(message)
        segments = None if isinstance(message, HlrLookup) else _check_text(message)
        if message.ttl is not None and message.ttl.total_seconds() <= 0:
            raise InvalidMessage("ttl", f"{message.ttl} is over already; give a time longer than zero")
        now = self._clock.now()
        due = due_of(message, to, self._rules.ranges, now)
        envelope = Envelope(
            id=self._ids.new(),
            message=message,
            channel=channel_of(message),
            to=to,
            network=network or self._network_of(to) or classify(to, self._rules.ranges),
            segments=segments,
            accepted_at=now,
            deadline=due.at,
            due=due.at,
            local=due.local,
        )
        route = route_of(self._rules.routes, envelope)
        at = self.awake_at(Parsed(envelope, route), due.at) if route is not None and route.quiet is not None else due.at
        if at > due.at:
            local = due.local + timedelta(seconds=round(at - due.at)) if due.local is not None else None
            envelope = msgspec.structs.replace(envelope, due=at, local=local)
        return Parsed(msgspec.structs.replace(envelope, deadline=at + self._life(message, route)), route)

    def route(self, envelope: Envelope) -> Route | None:
        """Return the route that is for a message.

        Where none is for the network that a lookup found, it is the one for the network that the digits name: a message
        that had a route does not lose it because its number has moved.
        """
        found = route_of(self._rules.routes, envelope)
        if found is None and envelope.network.source is NetworkSource.HLR:
            return route_of(self._rules.routes, msgspec.structs.replace(envelope, network=self.by_range(envelope.to)))
        return found

    def awake_at(self, parsed: Parsed, moment: float) -> float:
        """Return when a message may be sent that could be sent at a moment: then, or after the hours of quiet."""
        message, quiet = parsed.envelope.message, parsed.route.quiet if parsed.route is not None else None
        if quiet is None or isinstance(message, HlrLookup) or message.message_class not in quiet.classes:
            return moment
        try:
            return awake_at(quiet, zones_of(parsed.envelope.to, self._rules.ranges), moment)
        except ZoneInfoNotFoundError:
            return awake_at(quiet, (), moment)  # the configuration would not have been read without that zone

    def by_range(self, to: Msisdn) -> Network:
        """Return the network of a number as far as its digits tell it."""
        return classify(to, self._rules.ranges)

    def number(self, text: str) -> Msisdn:
        """Return a number as messages have it. Raises `InvalidMessage`."""
        return parse_msisdn(text, self._rules.region)

    def _life(self, message: Message, route: Route | None) -> float:
        if message.ttl is not None:
            return message.ttl.total_seconds()
        return self._rules.lives[route.name, message.message_class] if route is not None else DEFAULT_LIFE


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


def _sms_of(viber: Viber, fallback: Fallback) -> Sms:
    """Return the SMS in place of a Viber message: what the fallback does not say is as in that message.

    Where it is to be in Latin letters, the door wrote the text of the fallback so when the message came.
    """
    return Sms(
        to=viber.to,
        text=fallback.text if fallback.text is not None else viber.text,
        sender=fallback.sender if fallback.sender is not None else viber.sender,
        message_class=viber.message_class,
        ttl=fallback.ttl,
        reference=viber.reference,
        tags=viber.tags,
    )


def _check_resend(fallback: Fallback) -> None:
    """Refuse what a provider that sends the SMS itself does not let us choose."""
    own = {
        "text": fallback.text is not None,
        "sender": fallback.sender is not None,
        "ttl": fallback.ttl is not None,
        "transliterate": fallback.transliterate,
    }
    for field, is_set in own.items():
        if is_set:
            raise InvalidMessage(
                f"fallback.{field}", 'is decided by the provider that sends the SMS: leave it out, or set by = "router"'
            )
