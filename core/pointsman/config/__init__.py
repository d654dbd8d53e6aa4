"""router.toml as values: `load_config` reads it, `Config` is what it says."""

from pointsman.config.compare import Aspect, ProviderChange, Reloaded, check_reloadable, compare
from pointsman.config.document import Overrides
from pointsman.config.limits import ClientGuardConfig, ClientLimits, GuardConfig
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
from pointsman.config.revealed import secrets_of
from pointsman.config.stores import store_for
from pointsman.config.values import Address, Cap, Destination, Duration

__all__ = [
    "Address",
    "Aspect",
    "Cap",
    "ClientConfig",
    "ClientGuardConfig",
    "ClientLimits",
    "Config",
    "DaemonConfig",
    "Destination",
    "Duration",
    "GuardConfig",
    "LogFormat",
    "Overrides",
    "PolicyConfig",
    "PollConfig",
    "ProviderChange",
    "ProviderConfig",
    "QuietConfig",
    "Reloaded",
    "RetentionConfig",
    "RouteConfig",
    "RouterConfig",
    "TimeLimits",
    "build_providers",
    "check_reloadable",
    "compare",
    "load_config",
    "parse_config",
    "secrets_of",
    "store_for",
]
