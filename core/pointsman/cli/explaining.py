"""`pointsman explain`: the decision for a message, in words, without sending it."""

import asyncio
from decimal import Decimal
from typing import Annotated, assert_never

import msgspec
from cyclopts import Parameter

from pointsman.cli.exclusions import show_excluded
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.providers import lasts
from pointsman.cli.rows import read_ttl, write_message
from pointsman.cli.sending import Class, Sender, Text, Ttl
from pointsman.cli.wishes import WishOptions
from pointsman.message import Channel, Envelope, Message, MessageClass, Money, NetworkSource
from pointsman.router import Router
from pointsman.routing.candidate import Candidate, Conditions, Decision, Ranked
from pointsman.routing.verdict import Verdict, Why
from pointsman.routing.words import LEFT_OUT, why

_COLUMNS = (
    *("provider", ">segment", ">together", ">compared", ">charged", ">funds", ">lasts"),
    *(">delivers", ">known by", ">takes", ">delay", ">score", "sender", ""),
)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that could not take the message, and why in words."""

    provider: str
    because: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the router reads it, and the decision for it."""

    message: Envelope
    decision: Decision
    why: str
    """Why the first is first, or why there is none."""
    left_out: tuple[LeftOut, ...] = ()


def explain(
    *,
    to: Annotated[str, Parameter(help="The recipient, such as +79161234567.")],
    text: Text = None,
    sender: Sender = None,
    message_class: Class = MessageClass.TRANSACTIONAL,
    channel: Annotated[Channel, Parameter(help="The service that would carry it.")] = Channel.SMS,
    ttl: Ttl = None,
    wish: WishOptions | None = None,
    common: Common | None = None,
) -> int:
    """Say which provider would take a message now and why the others would not; nothing is sent.

    The balances are read for it. What a message would be chosen for in order to learn is left aside. Exit code 1 when
    nobody could take the message.
    """
    if text is None and channel is not Channel.HLR:
        raise UsageError("give --text: its length decides the price")
    life = read_ttl(ttl) if ttl is not None else None
    message = write_message(
        channel,
        to=to,
        text=text or "",
        sender=sender,
        message_class=message_class,
        ttl=life,
        wishes=(wish or WishOptions()).wishes,
    )
    setup = set_up(common or Common())
    explanation = asyncio.run(_explain(message, setup))
    setup.output.record(explanation)
    show_explanation(explanation, setup)
    return setup.output.ended(ExitCode.GOOD if explanation.decision.chosen is not None else ExitCode.FAILED)


async def _explain(message: Message, setup: Setup) -> Explanation:
    async with opened(setup) as router:
        return explained(router, message)


def explained(router: Router, message: Message) -> Explanation:
    """Return what a router would do with a message now. Raises `InvalidMessage`."""
    envelope, decision = router.check(message), router.explain(message)
    return Explanation(
        # Neither is kept anywhere; two ids of one message would only make people wonder.
        message=msgspec.structs.replace(envelope, id=decision.message_id),
        decision=decision,
        why=why(decision),
        left_out=tuple(LeftOut(provider=one.provider, because=LEFT_OUT[one.why]) for one in decision.excluded),
    )


def show_explanation(explanation: Explanation, setup: Setup) -> None:
    """Write an explanation for people."""
    output, envelope, decision = setup.output, explanation.message, explanation.decision
    output.show(heading(envelope))
    if decision.route is None:
        output.show("no route of the configuration is for this message")
        return
    output.show(f"route {decision.route}, strategy {decision.strategy}: {explanation.why}")
    if decision.conditions is not None and decision.ranking:
        output.show(_loss(decision.conditions, envelope))
    if decision.lookup is not None:
        output.show(lookup_before(decision.lookup, setup.config.router.currency))
    if decision.ranking:
        output.show("")
        output.table(
            _COLUMNS,
            [_candidate_cells(ranked, setup) for ranked in decision.ranking],
        )
    if decision.excluded:
        output.show("")
        show_excluded(decision.excluded, output)


def heading(envelope: Envelope) -> str:
    """Return a message as the router reads it: its number, its network and how that is known, its segments."""
    network = " ".join(filter(None, (envelope.network.country, envelope.network.mccmnc))) or "of unknown network"
    if envelope.network.source is NetworkSource.HLR:
        network += " by its last lookup"
    parts = f", {envelope.segments.count} × {envelope.segments.alphabet}" if envelope.segments is not None else ""
    return f"+{envelope.to} ({network}{parts})"


def lookup_before(verdict: Verdict, currency: str) -> str:
    """Return in words whether the number would be looked up before, and why."""
    saves = f"expected to save {verdict.saving:.4f} {currency}"
    costs = "at an unknown price" if verdict.cost is None else f"for {verdict.cost:.4f} {currency}"
    match verdict.why:
        case Why.ALWAYS:
            return f"looked up before, {costs}: the route says always"
        case Why.SAVES:
            return f"looked up before, {costs}: {saves}"
        case Why.LEARNS:
            return f"looked up before, {costs}: {saves}, but a few are looked up to learn"
        case Why.KNOWN:
            return "not looked up before: a lookup told already"
        case Why.NO_LOOKUP:
            return "not looked up before: nobody can look it up now"
        case Why.NO_PRICE:
            return "not looked up before: the price of a lookup is not listed"
        case Why.NO_CANDIDATE:
            return "not looked up before: nobody can take the message"
        case Why.DEAR:
            return f"not looked up before: {saves} {costs} (a few are looked up all the same, to learn)"
        case _:
            assert_never(verdict.why)


def _candidate_cells(ranked: Ranked, setup: Setup) -> tuple[object, ...]:
    one, config = ranked.candidate, setup.config
    return (
        one.provider,
        one.price.per_segment if one.price is not None else "unknown",
        one.total if one.total is not None else "unknown",
        Money(one.comparable, config.router.currency) if one.comparable is not None else None,
        _charged(one, config.router.currency),
        Money(one.funds, config.providers[one.provider].currency) if one.funds is not None else "unknown",
        lasts(one.runway),
        f"{one.health:.1%}",
        f"{one.evidence:.0f}",
        f"{one.taken:.1%}",
        f"{one.delay:.1f} s" if one.delay is not None else None,
        f"{ranked.score:.6g}" if ranked.score is not None else "",
        one.sender,
        "rests after failures" if one.forced else "",
    )


def _charged(candidate: Candidate, currency: str) -> Money | None:
    """Return what a message is taken to cost where the provider charges something else than the list says."""
    if candidate.drift == 1.0 or candidate.comparable is None:
        return None
    places = candidate.comparable.normalize().as_tuple().exponent
    exact = candidate.comparable * Decimal(str(candidate.drift))
    return Money(round(exact, max(-places, 4) if isinstance(places, int) else 4), currency)


def _loss(conditions: Conditions, envelope: Envelope) -> str:
    """Return what a lost message is taken to cost, and by what."""
    by = "by the policy" if conditions.loss_told else "by the price of the cheapest; the policy does not say"
    return f"a lost {envelope.message.message_class} message costs {conditions.loss:.4g} {conditions.currency} ({by})"
