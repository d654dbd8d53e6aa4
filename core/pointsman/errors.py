"""What is raised: misuse and bad input. What a provider says is never an exception but an outcome.

PointsmanError
├── InvalidMessage        a message that no provider could take: bad number, empty text …
├── InvalidMessages       some messages of a `send_many` are invalid, and none was sent
├── InvalidQuestion       a question that nobody could be asked: unknown provider, empty span …
├── NotOffered            a provider cannot be asked this
├── ConfigError           router.toml (all its problems at once)
├── PluginError           a plugin that cannot be loaded or broke its contract
├── StoreError            a store that cannot be opened
│   └── StoreUnavailable  it cannot write now, and wrote nothing
├── KeyReused             an idempotency key that came with another request before
├── Denied                a client may not do this: quota, country, sender, spend guard
├── Busy                  too much is waiting already; to be tried again later
├── RouterClosed          the router is not running
└── SomeFailed            something unforeseen happened to some messages of a `send_many`
"""

from collections.abc import Sequence

import msgspec

from pointsman.outcome import Receipt


class PointsmanError(Exception):
    """Base of everything that this package raises on purpose."""


class InvalidMessage(PointsmanError):
    """A message was refused before routing; nothing was sent.

    `field` names the part at fault (`to`, `text`, `sender`, `ttl` …), `problem` says what is wrong and what to do.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class InvalidMessages(PointsmanError):
    """Some messages of a `send_many` are invalid, and none of them was sent; `problems` says which and why."""

    def __init__(self, problems: Sequence[tuple[int, InvalidMessage]]) -> None:
        shown = "; ".join(f"message {place}: {problem}" for place, problem in problems[:5])
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        super().__init__(f"{len(problems)} of the messages are invalid, nothing was sent: {shown}{more}")
        self.problems = tuple(problems)


class InvalidQuestion(PointsmanError):
    """A question to a provider was refused before it was asked.

    `field` names the part at fault (`provider`, `since`, `until`, `ids`, `to` …), `problem` says what is wrong and what
    to do.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class NotOffered(PointsmanError):
    """A provider was asked for what its plugin, or this account's settings, do not offer; nothing was asked.

    `operation` is a value of `pointsman.events.Operation`, such as `inbox`; `detail` says what exactly is missing where
    that is less than all of it.
    """

    def __init__(self, provider: str, operation: str, detail: str = "") -> None:
        why = f": {detail}" if detail else "; its plugin does not offer it"
        super().__init__(f"{provider} cannot be asked this ({operation}){why}")
        self.provider = provider
        self.operation = operation
        self.detail = detail


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a file of the configuration."""

    file: str
    line: int | None
    """1-based; None when the problem is something that is missing."""
    key: str
    """Dotted path, such as `providers.devino.floor`."""
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}: {self.key}: {self.message}{hint}" if self.key else f"{where}: {self.message}{hint}"


class ConfigError(PointsmanError):
    """The configuration cannot be used; `problems` lists everything that is wrong with it, not only the first thing."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class PluginError(PointsmanError):
    """A plugin could not be loaded, or did something that its contract forbids."""

    def __init__(self, plugin: str, problem: str) -> None:
        super().__init__(f"plugin {plugin}: {problem}")
        self.plugin = plugin
        self.problem = problem


class StoreError(PointsmanError):
    """A store cannot be used: it is in use, damaged, of a later version, or not ours to write. Says what to do."""

    def __init__(self, store: str, problem: str) -> None:
        super().__init__(f"{store}: {problem}")
        self.store = store
        self.problem = problem


class StoreUnavailable(StoreError):
    """A store cannot write at the moment, such as on a full disk; nothing was written, and later it may work."""


class KeyReused(PointsmanError):
    """An idempotency key came before with another request; nothing was done."""

    def __init__(self, key: str) -> None:
        super().__init__("the Idempotency-Key was used before for another request; take a new key for each request")
        self.key = key


class Denied(PointsmanError):
    """A client may not have this sent; nothing was taken.

    `rule` names what forbids it, out of a closed set, such as `daily_messages` or `country`; `problem` says what is
    wrong and what to do. `retry_after` is in how many seconds it may be allowed again, where that is known.
    """

    def __init__(self, rule: str, problem: str, retry_after: float | None = None) -> None:
        super().__init__(f"{rule}: {problem}")
        self.rule = rule
        self.problem = problem
        self.retry_after = retry_after


class Busy(PointsmanError):
    """Too much is waiting to be sent already; nothing was taken. `retry_after` is in how many seconds to try again."""

    def __init__(self, problem: str, retry_after: float) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after = retry_after


class RouterClosed(PointsmanError):
    """The router was used before it was started or after it was closed."""


class SomeFailed(PointsmanError):
    """Something unforeseen happened to some messages of a `send_many`; the others went their way.

    `results` has a receipt or an error for each message, in the order in which they were given.
    """

    def __init__(self, results: Sequence[Receipt | BaseException]) -> None:
        failed = [(place, one) for place, one in enumerate(results) if isinstance(one, BaseException)]
        shown = "; ".join(f"message {place}: {type(error).__name__}" for place, error in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        super().__init__(f"{len(failed)} of {len(results)} messages could not be seen through: {shown}{more}")
        self.results = tuple(results)
