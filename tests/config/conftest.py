"""What the tests of the configuration share: one made-up plugin, and a reader of texts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.config import Config, Overrides, parse_config
from pointsman.errors import ConfigError, Problem
from pointsman.loading import PluginSet, load_plugins
from pointsman.message import Channel
from pointsman.plugin import (
    Batch,
    ChannelLimits,
    Profile,
    Provider,
    ProviderPlugin,
    Request,
    Response,
    Secret,
    Session,
    SubmitReading,
)

BASE = """
[providers.one]
plugin = "echo"
key = { env = "KEY" }
"""
"""A configuration without problems."""


class EchoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the made-up plugin."""

    key: Secret
    mood: str = "good"
    currency: str | None = None
    tree: dict[str, list[int]] = {}

    def __post_init__(self) -> None:
        if self.mood == "contrary":
            raise ValueError(f"mood and key {self.key.reveal()} contradict each other")


def broken_rule(sender: str) -> bool:
    """A rule for senders that breaks."""
    raise KeyError(sender)


class Echo(Provider):
    """A provider that offers SMS and nothing else; it is never asked to send."""

    def __init__(self, settings: EchoSettings) -> None:
        if settings.mood == "bad":
            raise ValueError(f"mood is bad with {settings.key.reveal()}: write good")
        if settings.mood == "broken":
            raise KeyError(settings.key.reveal())
        limits = ChannelLimits(senders=broken_rule if settings.mood == "picky" else None)
        self.profile = Profile(channels={Channel.SMS: limits}, faults=(), currency=settings.currency)

    def submit_request(self, batch: Batch, session: Session | None) -> Request:
        """Is not used here."""
        raise AssertionError("reading a configuration sends nothing")

    def read_submit(self, batch: Batch, response: Response) -> SubmitReading:
        """Is not used here."""
        raise AssertionError("reading a configuration sends nothing")


def build(settings: EchoSettings) -> Any:
    """Make a provider, or something that is none."""
    return "nonsense" if settings.mood == "absent" else Echo(settings)


@pytest.fixture
def plugins() -> PluginSet:
    """Two kinds of provider: one with an address of its own, one without."""
    echo = ProviderPlugin(name="echo", settings=EchoSettings, build=build, base_url="https://echo.example/api/")
    homeless = ProviderPlugin(name="homeless", settings=EchoSettings, build=build)
    return load_plugins([echo, homeless, "an object without hooks"], entry_points=False)


Read = Callable[..., Config]


@pytest.fixture
def read(plugins: PluginSet, tmp_path: Path) -> Read:
    """Read a text as `router.toml` in an empty folder, with one variable in the environment."""

    def read(text: str = BASE, env: Mapping[str, str] | None = None, overrides: Overrides | None = None) -> Config:
        variables = {"KEY": "key-3141", **(env or {})}
        return parse_config(text, "router.toml", plugins=plugins, env=variables, overrides=overrides, base=tmp_path)

    return read


Problems = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def problems(read: Read) -> Problems:
    """Read a text that has problems, and return them."""

    def problems(text: str, **options: Any) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            read(text, **options)
        return caught.value.problems

    return problems
