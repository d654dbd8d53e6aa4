"""`pointsman explain`: the decision for a message, in words, without sending it."""

import asyncio
from typing import Annotated, assert_never

import msgspec
from cyclopts import Parameter

from pointsman.cli.exclusions import show_excluded
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.rows import read_ttl, write_message
from pointsman.cli.sending import Class, Sender, Text, Ttl
from pointsman.cli.wishes import WishOptions
from pointsman.message import Channel, Envelope, Message, MessageClass, Money, NetworkSource
from pointsman.routing.candidate import Decision, Ranked, Reason


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the router reads it, and the decision for it."""

    message: Envelope
    decision: Decision


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

    The balances are read for it. Exit code 1 when nobody could take the message.
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
    _show(explanation, setup)
    return setup.output.ended(ExitCode.GOOD if explanation.decision.chosen is not None else ExitCode.FAILED)


async def _explain(message: Message, setup: Setup) -> Explanation:
    async with opened(setup) as router:
        envelope, decision = router.check(message), router.explain(message)
        # Neither is kept anywhere; two ids of one message would only make people wonder.
        return Explanation(message=msgspec.structs.replace(envelope, id=decision.message_id), decision=decision)


def _show(explanation: Explanation, setup: Setup) -> None:
    output, envelope, decision = setup.output, explanation.message, explanation.decision
    output.show(heading(envelope))
    if decision.route is None:
        output.show("no route of the configuration is for this message")
        return
    output.show(f"route {decision.route}, strategy {decision.strategy}: {_verdict(decision)}")
    if decision.ranking:
        output.show("")
        output.table(
            ("provider", ">segment", ">together", ">compared", ">funds", ">health", ">score", "sender", ""),
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


def _candidate_cells(ranked: Ranked, setup: Setup) -> tuple[object, ...]:
    one, config = ranked.candidate, setup.config
    return (
        one.provider,
        one.price.per_segment if one.price is not None else "unknown",
        one.total if one.total is not None else "unknown",
        Money(one.comparable, config.router.currency) if one.comparable is not None else None,
        Money(one.funds, config.providers[one.provider].currency) if one.funds is not None else "unknown",
        f"{one.health:.2f}",
        f"{ranked.score:.6g}" if ranked.score is not None else "",
        one.sender,
        "rests after failures" if one.forced else "",
    )


def _verdict(decision: Decision) -> str:
    """Return the reason of the decision in words."""
    first = decision.chosen.provider if decision.chosen is not None else ""
    match decision.reason:
        case Reason.ONLY:
            return f"{first}, the only one that can take it"
        case Reason.CHEAPEST:
            return f"{first}, the cheapest"
        case Reason.PRIORITY:
            return f"{first}, the first of the route that can take it"
        case Reason.WEIGHT:
            return f"{first}, drawn by weight (the next message may go elsewhere)"
        case Reason.FASTEST:
            return f"{first}, the quickest to deliver"
        case Reason.SCORE:
            return f"{first}, the least expected cost"
        case Reason.PLUGIN:
            return f"{first}, the first by the strategy {decision.strategy}"
        case Reason.EXPLORE:
            return f"{first}, which may be better than it seems (a small share of the traffic finds out)"
        case Reason.ALL_DOWN:
            return f"{first}, the best of those that are all resting after failures"
        case Reason.HALF_DOWN:
            return f"{first}, the best of those that rest after failures: too many of them rest"
        case Reason.NONE:
            return "nobody can take it"
        case _:
            assert_never(decision.reason)
