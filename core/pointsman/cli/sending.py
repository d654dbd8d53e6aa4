"""`pointsman send`: one message with its receipt, or a file of messages."""

import asyncio
import enum
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pointsman.cli.batch import FILE_ONLY, FileOptions, run_file
from pointsman.cli.exclusions import show_excluded
from pointsman.cli.exits import ExitCode, UsageError
from pointsman.cli.fitness import check_fitness
from pointsman.cli.job import SENDING, WAITING
from pointsman.cli.opening import Setup, opened, set_up
from pointsman.cli.options import Common
from pointsman.cli.output import Output
from pointsman.cli.results import Result, code_of, describe
from pointsman.cli.rows import MessageReader, may_fall_back, read_ttl, write_fallback, write_message
from pointsman.cli.wishes import WishOptions
from pointsman.cli.work import GOOD_STATES, Kind
from pointsman.message import Channel, FallbackBy, Message, MessageClass
from pointsman.outcome import Accepted, Attempt, Receipt, Refused, State, Unknown, outcome_label
from pointsman.router import Router
from pointsman.routing.candidate import Excluded
from pointsman.routing.match import Schedule

_NOBODY = frozenset({State.FAILED, State.EXPIRED})


class TextChannel(enum.Enum):
    """Channels that carry a text."""

    SMS = Channel.SMS
    VIBER = Channel.VIBER


To = Annotated[str | None, Parameter(help="The recipient, such as +79161234567.")]
Text = Annotated[str | None, Parameter(allow_leading_hyphen=True, help="The text of the message.")]
Sender = Annotated[str | None, Parameter(help="The sender to show; else the provider's first one.")]
Class = Annotated[MessageClass, Parameter(name="--class", help="How urgent it is and what its loss costs.")]
ChannelOption = Annotated[TextChannel, Parameter(help="The service that carries it.")]
Ttl = Annotated[str | None, Parameter(help="How long it is worth sending, such as 30s, 5m or 1d; else by its class.")]
FallbackByOption = Annotated[
    FallbackBy | None,
    Parameter(name="--fallback-by", help="Who sends an SMS when a Viber message does not get through."),
]
FallbackText = Annotated[
    str | None,
    Parameter(allow_leading_hyphen=True, help="The text of that SMS; else that of the Viber message."),
]
Wait = Annotated[
    bool, Parameter(negative="", show_default=False, help="Wait for the last delivery report, not only for a provider.")
]
Csv = Annotated[
    Path | None,
    Parameter(
        name="--csv",
        help="A file of messages with the columns to,text and perhaps sender,class,ttl,reference,channel,fallback_by,"
        "fallback_text,send_at,send_at_local,flash,transliterate; the options fill its empty cells;"
        " - reads standard input.",
        allow_leading_hyphen=True,
    ),
]


def send(
    *,
    to: To = None,
    text: Text = None,
    sender: Sender = None,
    message_class: Class = MessageClass.TRANSACTIONAL,
    channel: ChannelOption = TextChannel.SMS,
    ttl: Ttl = None,
    fallback_by: FallbackByOption = None,
    fallback_text: FallbackText = None,
    wait: Wait = False,
    csv: Csv = None,
    wish: WishOptions | None = None,
    file: FileOptions | None = None,
    common: Common | None = None,
) -> int:
    """Send one message (--to and --text), or those of a CSV file (--csv).

    All rows of a file are checked before the first is sent. A run that was stopped or killed is continued by the same
    command: what was sent is not sent again. Exit code 1 when not every message was taken.
    """
    common, life = common or Common(), read_ttl(ttl) if ttl is not None else None
    fallback = write_fallback(fallback_by, fallback_text)
    wishes = (wish or WishOptions()).wishes
    if csv is not None:
        if to is not None or text is not None:
            raise UsageError("--csv brings its own recipients and texts; leave out --to and --text")
        reader = MessageReader(
            channel=channel.value,
            sender=sender,
            message_class=message_class,
            ttl=life,
            fallback=fallback,
            wishes=wishes,
        )
        kind = Kind("send", "sent", "sends them again", reader, Result, describe, WAITING if wait else SENDING)
        return run_file(csv, kind, file or FileOptions(), common)
    if file not in (None, FileOptions()):
        raise UsageError(f"{FILE_ONLY} go with --csv")
    if to is None or text is None:
        raise UsageError("give --to and --text for one message, or --csv for many")
    message = write_message(
        channel.value,
        to=to,
        text=text,
        sender=sender,
        message_class=message_class,
        ttl=life,
        fallback=fallback,
        wishes=wishes,
    )
    setup = set_up(common)
    return _tell(asyncio.run(_send_one(message, setup, wait=wait)), setup.output)


class Sent(msgspec.Struct, frozen=True):
    """What became of a message; when nobody took it, also who was not even asked, and why."""

    receipt: Receipt
    left_out: tuple[Excluded, ...] = ()


def _tell(sent: Sent, output: Output) -> ExitCode:
    """Say what became of a message; return how the command ends."""
    receipt = sent.receipt
    output.record(receipt)
    show_receipt(receipt, output)
    if sent.left_out:
        output.show("")
        show_excluded(sent.left_out, output)
    done = f"the message is {receipt.state.value} (id {receipt.id})"
    return output.ended(ExitCode.GOOD if receipt.state in GOOD_STATES else ExitCode.FAILED, done)


async def _send_one(message: Message, setup: Setup, *, wait: bool) -> Sent:
    async with opened(setup) as router:
        check_fitness(router, message)
        due = _kept_until(router, message)
        if due is not None:
            setup.output.note(f"waiting until {setup.output.clock_time(due)}, when it is due (Ctrl-C takes it back)")
        try:
            receipt = await router.send(message)
        except asyncio.CancelledError:
            early = due is not None and router.check(message).accepted_at < due
            setup.output.note(
                "stopped before it was due: it was not sent"
                if early
                else "stopped while it was on its way: it may have been sent"
            )
            raise
        if may_fall_back(message) and receipt.fallback is None:
            setup.output.note("waiting for its report, or for the SMS in its place (Ctrl-C stops both)")
            receipt = await router.wait(receipt.id)
        elif wait and receipt.state is State.SENT:
            took = (receipt.fallback or receipt).provider
            setup.output.note(f"{took} took it; waiting for its report (Ctrl-C stops waiting)")
            receipt = await router.wait(receipt.id)
        if receipt.state not in _NOBODY:
            return Sent(receipt)
        asked = {attempt.provider for attempt in receipt.attempts}
        excluded = router.explain(message).excluded
        return Sent(receipt, tuple(one for one in excluded if one.provider not in asked))


def _kept_until(router: Router, message: Message) -> float | None:
    """Return the moment (wall time) until which we keep a message ourselves; None when it leaves at once."""
    envelope, decision = router.check(message), router.explain(message)
    keeps = {route.name for route in router.config.routes if route.schedule is Schedule.ROUTER}
    return envelope.due if envelope.due > envelope.accepted_at and decision.route in keeps else None


def show_receipt(receipt: Receipt, output: Output) -> None:
    """Write a receipt for people."""
    network = " ".join(filter(None, (receipt.network.country, receipt.network.mccmnc)))
    parts = f"{receipt.segments.count} × {receipt.segments.alphabet}" if receipt.segments is not None else ""
    head = ("state", receipt.state.value), ("to", f"+{receipt.to}"), ("network", network), ("segments", parts)
    due = output.clock_time(receipt.due) if receipt.due is not None else ""
    output.table(("", ""), [pair for pair in (*head, ("due", due), ("id", receipt.id)) if pair[1]])
    if receipt.attempts:
        output.show("")
        columns = (">attempt", "provider", "outcome", "code", ">price", ">ms", "~provider's ids or words")
        output.table(columns, [_attempt_cells(attempt) for attempt in receipt.attempts])
    if receipt.reason is not None and not receipt.attempts:
        output.show(output.clean(f"nobody could take it: {receipt.reason.detail or receipt.reason.fault}"))
    if receipt.fallback is not None:
        output.show("")
        output.show("in its place an SMS:")
        show_receipt(receipt.fallback, output)
    if receipt.state is State.UNKNOWN:
        output.show("it may have been sent; nobody can say")
    if receipt.fallback is not None and receipt.possible_duplicate:
        output.show("the recipient may have both")


def _attempt_cells(attempt: Attempt) -> tuple[object, ...]:
    match attempt.outcome:
        case Accepted(ids=ids):
            words = " ".join(ids)
        case Refused(detail=words) | Unknown(detail=words):
            pass
    return (
        attempt.number,
        attempt.provider,
        outcome_label(attempt.outcome),
        code_of(attempt),
        attempt.price,
        round(attempt.duration * 1000),
        words,
    )
