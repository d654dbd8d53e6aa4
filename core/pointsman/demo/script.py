"""What happens in the demo, in order: which faults strike which provider while which messages are sent."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from pointsman.sandbox import faults
from pointsman.sandbox.faults import FaultRule

DEVINO = "devino"
SMSTELE = "smstele"
AFFILIATE = "affiliate_hlr"
PROVIDERS = (DEVINO, SMSTELE, AFFILIATE)
"""The script knows these by their names in `router.toml` and by the endpoints and codes of their APIs."""

SENDS = {DEVINO: "Sms/Send*", SMSTELE: "sendsms", AFFILIATE: "hlr/create"}
"""The endpoint that takes messages; faults strike there only, so that polls go on."""
GATEWAY_ERROR = "8"
INVALID_ARGUMENT = "2"


class Phase(msgspec.Struct, frozen=True, tag=True):
    """A new part of the story begins."""

    title: str


class Arm(msgspec.Struct, frozen=True, tag=True):
    """From now on a provider is struck by these faults, in place of earlier ones."""

    provider: str
    rules: tuple[FaultRule, ...]


class Disarm(msgspec.Struct, frozen=True, tag=True):
    """All faults are over."""


class Send(msgspec.Struct, frozen=True, tag=True):
    """The messages of a step are sent together; goes on when providers took or refused them.

    The results of lookups are waited for by `Settled`.
    """

    step: str


class Settled(msgspec.Struct, frozen=True, tag=True):
    """Wait until nothing more can become of anything that was sent so far."""


class Expire(msgspec.Struct, frozen=True, tag=True):
    """The provider lets every session expire."""

    provider: str


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Somebody else spends from the same account, and only this much is left."""

    provider: str
    left: Decimal


class TopUp(msgspec.Struct, frozen=True, tag=True):
    """The account is paid into, and the operator has the balance read."""

    provider: str
    amount: Decimal


class Stop(msgspec.Struct, frozen=True, tag=True):
    """The provider's server goes away."""

    provider: str


class Restart(msgspec.Struct, frozen=True, tag=True):
    """The server is back; goes on when the router is ready to try it again."""

    provider: str


Act = Phase | Arm | Disarm | Send | Settled | Expire | Drain | TopUp | Stop | Restart


def _at(provider: str, *rules: FaultRule) -> Arm:
    aimed = tuple(msgspec.structs.replace(rule, endpoint=SENDS[provider]) for rule in rules)
    return Arm(provider, aimed)


# A breaker opens after five failures in a row, so each of these faults strikes a provider at most four times between
# two successes; only the phase that is about the breaker goes further.
SCRIPT: tuple[Act, ...] = (
    Phase("all is well"),
    Send("calm"),
    Settled(),  # what is reported as lost goes to another provider, which must not meet with the faults of later steps
    Phase("Devino: the session expires"),
    Expire(DEVINO),
    Send("session"),
    Phase("bad numbers"),
    Send("invalid"),
    Send("not-in-plan"),
    _at(DEVINO, faults.error(INVALID_ARGUMENT, "Invalid destination address", times=None)),
    Send("bad-number"),
    Disarm(),
    Phase("too fast: every provider says 429 once"),
    _at(DEVINO, faults.throttle(retry_after=1)),
    _at(SMSTELE, faults.throttle(retry_after=1)),
    _at(AFFILIATE, faults.throttle(retry_after=1)),
    Send("throttle"),
    Disarm(),
    Phase("Devino: credits run out midway"),
    Drain(DEVINO, left=Decimal("20.00")),
    Send("credits"),
    Phase("Devino: the account is topped up"),
    TopUp(DEVINO, Decimal("1500.00")),
    Send("credits-after"),
    Phase("Devino: gateway errors, some after the message was taken"),
    _at(DEVINO, faults.error_after_accept(GATEWAY_ERROR, times=2)),
    Send("gateway-taken"),
    _at(DEVINO, faults.error(GATEWAY_ERROR, times=2)),
    Send("gateway-lost"),
    Disarm(),
    Send("gateway-after"),
    Phase("silence: every provider takes messages and does not answer"),
    _at(DEVINO, faults.hang_after_accept(times=4)),
    _at(SMSTELE, faults.close_before_accept(times=2), faults.hang_after_accept(times=2)),
    _at(AFFILIATE, faults.hang_after_accept()),
    Send("silence"),
    Disarm(),
    Settled(),
    Phase("SMStele: the server is down"),
    Stop(SMSTELE),
    Send("down"),
    Phase("SMStele: back again, a probe closes the breaker"),
    Restart(SMSTELE),
    Send("probe"),
    Send("recovered"),
    Phase("all is well again"),
    Send("after"),
    Phase("the last reports come in"),
    Settled(),
)


def steps_of(acts: Iterable[Act]) -> frozenset[str]:
    """Return the steps whose messages a script sends."""
    return frozenset(act.step for act in acts if isinstance(act, Send))


def stopped_in(acts: Iterable[Act]) -> frozenset[str]:
    """Return the providers that are down for a while: their breakers must open, and be closed again at the end."""
    return frozenset(act.provider for act in acts if isinstance(act, Stop))
