"""router.toml as values: `load_config` reads it, `Config` is what it says."""

from pointsman.config.compare import Aspect, ProviderChange, Reloaded, check_reloadable, compare
from pointsman.config.document import Overrides
from pointsman.config.model import (
    ClientConfig,
    Config,
    DaemonConfig,
    LogFormat,
    PolicyConfig,
    PollConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    TimeLimits,
)
from pointsman.config.read import build_providers, load_config, parse_config
from pointsman.config.values import Address, Duration

__all__ = [
    "Address",
    "Aspect",
    "ClientConfig",
    "Config",
    "DaemonConfig",
    "Duration",
    "LogFormat",
    "Overrides",
    "PolicyConfig",
    "PollConfig",
    "ProviderChange",
    "ProviderConfig",
    "Reloaded",
    "RouteConfig",
    "RouterConfig",
    "TimeLimits",
    "build_providers",
    "check_reloadable",
    "compare",
    "load_config",
    "parse_config",
]
