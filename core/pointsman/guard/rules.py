"""What holds for each client, worked out of the configuration, and what of it can be said of one message alone."""

from collections.abc import Mapping

import msgspec

from pointsman.config import ClientConfig, Config, GuardConfig
from pointsman.config.limits import EVERYWHERE
from pointsman.events import GuardRule
from pointsman.message import Channel, Envelope, HlrLookup, Sms, Viber


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is not let in. No number is in it, and nothing of one but its country."""

    rule: GuardRule
    problem: str
    retry_after: float | None = None
    """Seconds until it may be let in; None where that does not come by itself."""
    channel: Channel | None = None
    country: str | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one client."""

    client: ClientConfig
    guard: GuardConfig
    """With the client's own changes."""
    countries: frozenset[str] | None
    """None: all."""
    prefixes_denied: tuple[str, ...]
    senders: frozenset[str] | None
    priced: bool
    """Some limit is about money, so that it has to be known what messages are going to cost."""
    stopped: str | None
    """By which table of the configuration it is stopped."""


def limits_of(config: Config) -> Mapping[str, Limits]:
    """Return what holds for each client."""
    return {name: _limits(config, client) for name, client in config.clients.items()}


def _limits(config: Config, client: ClientConfig) -> Limits:
    guard = config.guard.over(client.guard)
    countries = frozenset(client.countries or (config.router.region,))
    stopped = "[guard]" if guard.stopped else f"[clients.{client.name}]" if client.stopped else None
    return Limits(
        client=client,
        guard=guard,
        countries=None if EVERYWHERE in countries else countries,
        prefixes_denied=(*guard.prefixes_denied, *client.prefixes_denied),
        senders=frozenset(client.senders) if client.senders is not None else None,
        priced=any(one is not None for one in (client.daily_spend, client.max_price, guard.daily_spend)),
        stopped=stopped,
    )


def unfit(limits: Limits, envelope: Envelope) -> Refusal | None:
    """Return why a client may never send a message like this one; None when it may."""
    client, country = limits.client, envelope.network.country
    if client.channels is not None and (problem := _channel_problem(client.channels, envelope)) is not None:
        return _never(GuardRule.CHANNELS, problem, limits, envelope)
    if client.max_segments is not None and envelope.parts > client.max_segments:
        problem = f"the text has {envelope.parts} segments, {client.max_segments} are allowed; shorten it"
        return _never(GuardRule.MAX_SEGMENTS, problem, limits, envelope)
    if limits.senders is not None and (problem := _sender_problem(limits.senders, envelope)) is not None:
        return _never(GuardRule.SENDERS, problem, limits, envelope)
    if limits.countries is not None and country not in limits.countries:
        allowed = ", ".join(sorted(limits.countries))
        problem = f"{country or 'a number of no single country'} is not among the countries of this client: {allowed}"
        return _never(GuardRule.COUNTRIES, problem, limits, envelope)
    if limits.prefixes_denied and envelope.to.startswith(limits.prefixes_denied):
        where = f" of {country}" if country else ""
        problem = f"nothing is sent to this range of numbers{where}"
        return _never(GuardRule.PREFIXES_DENIED, problem, limits, envelope)
    return None


def _never(rule: GuardRule, problem: str, limits: Limits, envelope: Envelope) -> Refusal:
    problem = f"{problem} ({rule} of the client {limits.client.name} in the configuration)"
    return Refusal(rule=rule, problem=problem, channel=envelope.channel, country=envelope.network.country)


def _channel_problem(channels: frozenset[Channel], envelope: Envelope) -> str | None:
    message = envelope.message
    if envelope.channel not in channels:
        return f"{envelope.channel} is not among the channels of this client: {', '.join(sorted(channels))}"
    if isinstance(message, Viber) and message.fallback is not None and Channel.SMS not in channels:
        return f"its fallback is an sms, which is not among the channels of this client: {', '.join(sorted(channels))}"
    return None


def _sender_problem(senders: frozenset[str], envelope: Envelope) -> str | None:
    """Say what is wrong with the senders of a message.

    One that names none would get the provider's default, which may be somebody else's name.
    """
    message = envelope.message
    if isinstance(message, HlrLookup):
        return None
    if isinstance(message, Sms) and message.sender in senders:
        return None
    named = {message.sender}
    if isinstance(message, Viber) and message.fallback is not None and message.fallback.sender is not None:
        named.add(message.fallback.sender)
    allowed = ", ".join(sorted(senders))
    if None in named:
        return f"the message names no sender; name one of this client: {allowed}"
    return None if named <= senders else f"the sender is not one of this client: {allowed}"
