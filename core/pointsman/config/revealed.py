"""Finds the secrets of a configuration, for those who have to keep them out of what they write."""

from collections.abc import Iterator, Mapping

import msgspec

from pointsman.config.model import Config
from pointsman.secret import Secret


def secrets_of(config: Config) -> Iterator[Secret]:
    """Find the secrets of a configuration."""
    for provider in config.providers.values():
        yield from _secrets_in(provider.settings)
        yield from _secrets_in(provider.callback_token)
    for client in config.clients.values():
        yield from _secrets_in(client.webhook_secret)


def _secrets_in(value: object) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _secrets_in(getattr(value, name))
        case Mapping():
            for item in value.values():
                yield from _secrets_in(item)
        case list() | tuple():
            for item in value:
                yield from _secrets_in(item)
