"""Checks what a plugin registers; Structs do not check what they are made of."""

import re

import msgspec

from pointsman.plugin import ProviderPlugin

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


def registration_problem(provider: object) -> str | None:
    """Say what is wrong with what a plugin registers, or None."""
    if not isinstance(provider, ProviderPlugin):
        return f"it registers a {type(provider).__name__}, not a ProviderPlugin"
    name: object = provider.name
    build: object = provider.build
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"it registers the name {name!r}; a name is 1 to 32 of a-z 0-9 _ and starts with a letter"
    if not callable(build):
        return f'the build of the provider "{name}" cannot be called'
    return _settings_problem(name, provider.settings)


def _settings_problem(name: str, settings: object) -> str | None:
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        return f'the settings of the provider "{name}" are not a msgspec.Struct'
    config = settings.__struct_config__
    if not (config.frozen and config.forbid_unknown_fields):
        return f'the settings of the provider "{name}" need frozen=True and forbid_unknown_fields=True'
    try:
        msgspec.json.Decoder(settings)
    except (TypeError, NameError) as error:
        return f'the settings of the provider "{name}" have a type that cannot be read: {error}'
    return None
