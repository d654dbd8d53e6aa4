"""router.toml as values: `load_config` reads it, `Config` is what it says."""

from pointsman.config.document import Overrides
from pointsman.config.model import (
    ClientConfig,
    Config,
    DaemonConfig,
    LogFormat,
    PolicyConfig,
    PollConfig,
    ProviderConfig,
    QuietConfig,
    RetentionConfig,
    RouteConfig,
    RouterConfig,
    TimeLimits,
)
from pointsman.config.read import build_providers, load_config, parse_config
from pointsman.config.stores import store_for
from pointsman.config.values import Address, Duration

__all__ = [
    "Address",
    "ClientConfig",
    "Config",
    "DaemonConfig",
    "Duration",
    "LogFormat",
    "Overrides",
    "PolicyConfig",
    "PollConfig",
    "ProviderConfig",
    "QuietConfig",
    "RetentionConfig",
    "RouteConfig",
    "RouterConfig",
    "TimeLimits",
    "build_providers",
    "load_config",
    "parse_config",
    "store_for",
]
