"""The real router in front of the real sandboxes of the three providers, all on one clock that stands still."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from fnmatch import fnmatchcase
from random import Random

import msgspec

from pointsman.config import Config, build_providers, parse_config
from pointsman.engine.status import ProviderStatus
from pointsman.events import Called, Event, Operation, Rested
from pointsman.loading import load_plugins
from pointsman.message import Channel, HlrLookup, Message, MessageClass, Sms, Viber
from pointsman.outcome import Fault, Outcome, Receipt
from pointsman.plugin import FaultRow
from pointsman.router import Router
from pointsman.routing.breaker import BreakerSettings
from pointsman.sandbox import Action, FaultRule, Sandbox
from pointsman.testing import FakeClock
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

SENDER = "SHOP"
NUMBER = "79161234567"
NUMBERS = tuple(f"7916123450{last}" for last in range(10))
"""Numbers that every sandbox serves and looks up without any particularity."""

_ACCOUNTS = {
    "devino": """
        plugin = "devino"
        base_url = "{devino}"
        login = {{ env = "DEVINO_LOGIN" }}
        password = {{ env = "DEVINO_PASSWORD" }}
        senders = ["SHOP", "TESTSMS"]
        currency = "RUB"
    """,
    "smstele": """
        plugin = "smstele"
        base_url = "{smstele}"
        login = {{ env = "SMSTELE_LOGIN" }}
        password = {{ env = "SMSTELE_PASSWORD" }}
        senders = ["SHOP", "REX400.RU"]
        currency = "RUB"
        hlr = true
    """,
    "affiliate": """
        plugin = "affiliate_hlr"
        base_url = "{affiliate_hlr}"
        api_key = {{ env = "AFFILIATE_KEY" }}
        currency = "EUR"
    """,
}
ACCOUNTS: Mapping[str, str] = {
    **_ACCOUNTS,
    "devino_password": _ACCOUNTS["devino"] + 'hlr_auth = "password"',
    "devino_viber": _ACCOUNTS["devino"] + "viber = true",
    "second": _ACCOUNTS["devino"].replace("{devino}", "{second}") + "viber = true",
    "devino_again": _ACCOUNTS["devino"],
    "smstele_sms": _ACCOUNTS["smstele"] + "viber = false",
    "smstele_again": _ACCOUNTS["smstele"],
    "smstele_minutes": _ACCOUNTS["smstele"] + 'validity_unit = "minutes"',
    "affiliate_dear": _ACCOUNTS["affiliate"] + "tariff = 9",
}
"""What `router.toml` says of the accounts that take part; those of one plugin share its sandbox."""
_SANDBOXES = ("devino", "smstele", "affiliate_hlr", "second")
_COMMON = 'balance_every = "1d"\npoll = { first = "5s", longest = "6h" }\n'
_HEAD = '[router]\ncurrency = "EUR"\n[rates]\nRUB = "0.01"\n[policies.default]\nstrategy = "priority"\n'


_PLUGINS = load_plugins()


def configure(
    accounts: Iterable[str],
    urls: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    max_attempts: int = 4,
    read_timeout: str = "10s",
) -> Config:
    """Return a configuration in which these accounts are tried in this order."""
    common = f'{_COMMON}read_timeout = "{read_timeout}"'
    tables = [f"[providers.{name}]\n{ACCOUNTS[name].format_map(urls)}\n{common}" for name in accounts]
    text = "\n".join((_HEAD, f"max_attempts = {max_attempts}", *tables))
    return parse_config(text, plugins=_PLUGINS, env=secrets)


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One way to submit: what is sent, by which account, on which endpoint of its sandbox, and who else could."""

    name: str
    account: str
    other: str
    submits: str
    """The endpoint of the sandbox, or a pattern for those of one message and of several."""
    polls: str
    channel: Channel
    count: int = 1
    """Messages in the request."""

    def __str__(self) -> str:
        return self.name

    def submitted(self, box: Sandbox) -> int:
        """Return how many submits a sandbox saw."""
        return sum(count for endpoint, count in box.ledger.calls.items() if fnmatchcase(endpoint, self.submits))

    def messages(self, message_class: MessageClass = MessageClass.TRANSACTIONAL) -> tuple[Message, ...]:
        """Return what to send: one text to several numbers, or several lookups."""
        numbers = NUMBERS[: self.count]
        if self.channel is Channel.HLR:
            return tuple(HlrLookup(number, message_class=message_class) for number in numbers)
        if self.channel is Channel.VIBER:
            return tuple(Viber(number, "One text for all", message_class=message_class) for number in numbers)
        return tuple(Sms(number, "One text for all", message_class=message_class) for number in numbers)


class SecondDevino(DevinoSandbox):
    """Another Devino, for what nobody else offers."""

    name = "second"


class Bench(msgspec.Struct, kw_only=True, eq=False):
    """The sandboxes, which stay up, and the means to put a router in front of them."""

    clock: FakeClock
    devino: DevinoSandbox
    smstele: SmsteleSandbox
    affiliate: AffiliateSandbox
    second: SecondDevino

    @property
    def boxes(self) -> tuple[Sandbox, ...]:
        """All of them."""
        return self.devino, self.smstele, self.affiliate, self.second

    def box_of(self, account: str) -> Sandbox:
        """Return the sandbox in which an account is."""
        return next(box for box in self.boxes if box.name.startswith(account.partition("_")[0]))

    def busy(self) -> bool:
        """Say whether a request is being served, or hangs."""
        return any(box.busy() for box in self.boxes)

    def reset(self) -> None:
        """Make the sandboxes as good as new."""
        for box in self.boxes:
            box.reset()
        self.devino.state_lag = 0.0

    @contextlib.asynccontextmanager
    async def router(
        self, *accounts: str, max_attempts: int = 4, cause: FaultRule | None = None
    ) -> "AsyncIterator[Table]":
        """Give a router that tries these accounts in this order; time jumps to whatever is waited for.

        `cause` is what is going to happen: an answer that never comes is not waited for long, because that takes real
        time.
        """
        urls = {box.name: box.base_url for box in self.boxes}
        secrets = {name: value for box in self.boxes for name, value in box.environment.items()}
        timeout = "300ms" if cause is not None and cause.action is Action.HANG else "10s"
        config = configure(accounts, urls, secrets, max_attempts=max_attempts, read_timeout=timeout)
        events: list[Event] = []
        router = Router(
            config,
            plugins=_PLUGINS,
            observers=[events.append],
            clock=self.clock,
            random=Random(1),
            breaker=BreakerSettings(jitter=0),
            only_loopback=True,
        )
        async with self.clock.autojump(self.busy):
            await router.start()
            try:
                yield Table(bench=self, router=router, events=events)
            finally:
                await router.aclose(patience=0.2)


class Table(msgspec.Struct, kw_only=True, eq=False):
    """A router at work and everything that it said."""

    bench: Bench
    router: Router
    events: list[Event]

    async def send(self, *messages: Message, until_final: bool = False) -> list[Receipt]:
        """Send messages together."""
        return await self.router.send_many(messages, until_final=until_final)

    def status(self, account: str) -> ProviderStatus:
        """Return how a provider is doing."""
        return next(one for one in self.router.providers() if one.name == account)

    def calls(self, account: str, operation: Operation) -> list[Called]:
        """Return the calls of one kind, as they were told."""
        return [
            event
            for event in self.events
            if isinstance(event, Called) and event.provider == account and event.operation is operation
        ]

    def rested(self, account: str) -> list[Rested]:
        """Return what was taken out of use, in order."""
        return [event for event in self.events if isinstance(event, Rested) and event.provider == account]


def script(box: Sandbox, cause: FaultRule, endpoint: str, times: int | None) -> None:
    """Tell a sandbox to do to one endpoint what a row of a table describes."""
    box.faults.add(msgspec.structs.replace(cause, endpoint=endpoint, times=times))


def path(receipt: Receipt) -> tuple[str, ...]:
    """Return the providers of a message's attempts, in order."""
    return tuple(attempt.provider for attempt in receipt.attempts)


def outcomes(receipts: Iterable[Receipt], account: str) -> list[Outcome]:
    """Return the outcomes of all attempts at one provider."""
    return [one.outcome for receipt in receipts for one in receipt.attempts if one.provider == account]


def declared(account: str) -> set[tuple[Operation, str, Fault | str]]:
    """Return what a plugin declares: operation, code, and its meaning, a fault or one of three words."""
    secrets = {f"{name}_{key}": "x" for name in ("DEVINO", "SMSTELE") for key in ("LOGIN", "PASSWORD")}
    config = configure((account,), dict.fromkeys(_SANDBOXES, "http://127.0.0.1:1"), {**secrets, "AFFILIATE_KEY": "x"})
    faults = build_providers(config, _PLUGINS)[account].profile.faults
    return {(operation, row.code, _meaning(row)) for row in faults for operation in row.operations}


def _meaning(row: FaultRow) -> Fault | str:
    if row.session:
        return "session"
    return "unknown" if row.unknown else row.fault or "fine"
