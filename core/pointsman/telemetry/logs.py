"""Writes what happens: events in, log lines out, one canonical line for every call to a provider.

No line holds a secret, the text of a message or a full number: numbers are masked and hashed, and what other people
wrote is scrubbed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from structlog.typing import FilteringBoundLogger

from pointsman.events import (
    BalanceRead,
    BreakerMoved,
    Called,
    CallOutcome,
    ConfigRefused,
    ConfigReloaded,
    Decided,
    Drained,
    Event,
    FailedOver,
    LateDelivery,
    MessageMoved,
    MessageTaken,
    PluginQuarantined,
    PriceDrifted,
    Reconciled,
    Reported,
    ReportIgnored,
    Resent,
    Rested,
    Resumed,
    SteppedIn,
)
from pointsman.outcome import State
from pointsman.telemetry.client_lines import CLIENT_LINES, Line
from pointsman.telemetry.masking import Masker, scrub
from pointsman.telemetry.pipeline import LogLevel, timestamp

MAX_LISTED = 200
"""Messages of one request that are named in its line; `messages` tells how many there were."""
_MAX_CODE = 64
_MAX_REASON = 500
_LEVELS = {CallOutcome.UNKNOWN: LogLevel.WARNING, CallOutcome.FAILED: LogLevel.WARNING}
_DETAILS: tuple[type[Event], ...] = (MessageTaken, Decided, Reported)
"""Events that have a line for debugging only."""
_ON_ITS_WAY = frozenset({State.ACCEPTED, State.SCHEDULED, State.SENDING, State.SENT})


class LogObserver:
    """An observer of events that writes to `logger`. It has no state of its own."""

    def __init__(self, logger: FilteringBoundLogger, masker: Masker) -> None:
        self._logger = logger
        self._masker = masker
        self._is_quiet = not logger.is_enabled_for(LogLevel.DEBUG)
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Called: self._called,
            MessageTaken: self._taken,
            Decided: self._decided,
            FailedOver: self._failed_over,
            Resent: self._resent,
            SteppedIn: self._stepped_in,
            LateDelivery: self._late,
            Reconciled: self._reconciled,
            Reported: self._reported,
            ReportIgnored: self._report_ignored,
            MessageMoved: self._moved,
            BalanceRead: self._balance_read,
            BreakerMoved: self._breaker_moved,
            Rested: self._rested,
            PriceDrifted: self._drifted,
            Drained: self._drained,
            Resumed: self._resumed,
            ConfigReloaded: self._reloaded,
            ConfigRefused: self._refused,
            PluginQuarantined: self._quarantined,
        }
        for kind, line_of in CLIENT_LINES.items():
            self._handlers[kind] = partial(self._told, line_of)
        if self._is_quiet:
            for kind in _DETAILS:
                del self._handlers[kind]

    def observer_of(self, kind: type[Event]) -> Callable[[Any], None] | None:
        """Return what writes events of a kind; None for those that have no line at the level of the logger."""
        return self._handlers.get(kind)

    def __call__(self, event: Event) -> None:
        """Write an event, if it is one that has a line."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _write(self, level: LogLevel, name: str, event: Event, **fields: object) -> None:
        """Write a line; fields without a value are left out."""
        known = {key: value for key, value in fields.items() if value is not None}
        self._logger.log(level, name, timestamp=timestamp(event.at), **known)

    def _told(self, line_of: Callable[[Any], Line], event: Event) -> None:
        line = line_of(event)
        self._write(line.level, line.name, event, **line.fields)

    def _called(self, event: Called) -> None:
        self._write(
            _LEVELS.get(event.outcome, LogLevel.INFO),
            "provider.call",
            event,
            **self._subject(event),
            attempt=event.attempt,
            provider=event.provider,
            channel=event.channel,
            operation=event.operation,
            outcome=event.outcome,
            fault=event.fault,
            code=scrub(event.code, _MAX_CODE) if event.code is not None else None,
            http_status=event.http_status,
            duration_ms=round(event.duration * 1000, 3),
            left=event.left,
            price=str(event.price.amount) if event.price is not None else None,
            currency=event.price.currency if event.price is not None else None,
            decision_id=event.decision_id,
            detail=scrub(event.detail) or None,
            lenient=event.lenient or None,
            oddities=event.oddities or None,
        )

    def _subject(self, event: Called) -> dict[str, object]:
        """Return which messages and which numbers a call was about: plain values for one, lists for several."""
        ids, numbers, masker = event.message_ids, event.to, self._masker
        fields: dict[str, object] = {}
        if len(ids) == 1:
            fields["message_id"] = ids[0]
        elif ids:
            fields["messages"] = len(ids)
            fields["message_ids"] = ids[:MAX_LISTED]
        if len(numbers) == 1:
            fields["to"] = masker.mask(numbers[0])
            fields["to_hash"] = masker.hash(numbers[0])
        elif numbers:
            fields["to"] = [masker.mask(number) for number in numbers[:MAX_LISTED]]
            fields["to_hash"] = [masker.hash(number) for number in numbers[:MAX_LISTED]]
        return fields

    def _taken(self, event: MessageTaken) -> None:
        self._write(
            LogLevel.DEBUG,
            "message.taken",
            event,
            message_id=event.message_id,
            channel=event.channel,
            message_class=event.message_class,
            segments=event.segments,
        )

    def _decided(self, event: Decided) -> None:
        self._write(
            LogLevel.DEBUG,
            "message.decided",
            event,
            message_id=event.message_id,
            decision_id=event.decision_id,
            provider=event.provider,
            strategy=event.strategy,
            reason=event.reason,
        )

    def _failed_over(self, event: FailedOver) -> None:
        self._write(
            LogLevel.INFO,
            "message.failed_over",
            event,
            message_id=event.message_id,
            from_provider=event.from_provider,
            to_provider=event.to_provider,
            fault=event.fault or "unknown",
        )

    def _resent(self, event: Resent) -> None:
        self._write(
            LogLevel.INFO,
            "message.resent",
            event,
            message_id=event.message_id,
            from_provider=event.from_provider,
            state=event.state,
            fault=event.fault,
        )

    def _stepped_in(self, event: SteppedIn) -> None:
        self._write(
            LogLevel.INFO,
            "message.fell_back",
            event,
            message_id=event.message_id,
            sms_id=event.sms_id,
            trigger=event.trigger,
        )

    def _late(self, event: LateDelivery) -> None:
        self._write(
            LogLevel.WARNING,
            "message.late_delivery",
            event,
            message_id=event.message_id,
            sms_id=event.sms_id,
            provider=event.provider,
            channel=event.channel,
        )

    def _reconciled(self, event: Reconciled) -> None:
        self._write(
            LogLevel.INFO,
            "message.reconciled",
            event,
            message_id=event.message_id,
            provider=event.provider,
            result=event.result,
        )

    def _reported(self, event: Reported) -> None:
        self._write(
            LogLevel.DEBUG,
            "message.reported",
            event,
            message_id=event.message_id,
            provider=event.provider,
            channel=event.channel,
            state=event.state,
            final=event.final,
            age_seconds=round(event.age, 3),
        )

    def _report_ignored(self, event: ReportIgnored) -> None:
        self._write(
            LogLevel.WARNING, "report.ignored", event, provider=event.provider, reason=scrub(event.reason, _MAX_REASON)
        )

    def _moved(self, event: MessageMoved) -> None:
        is_settled = event.after not in _ON_ITS_WAY
        if self._is_quiet and not is_settled:
            return
        self._write(
            LogLevel.INFO if is_settled else LogLevel.DEBUG,
            "message.settled" if is_settled else "message.moved",
            event,
            message_id=event.message_id,
            channel=event.channel,
            message_class=event.message_class,
            before=event.before,
            state=event.after,
        )

    def _balance_read(self, event: BalanceRead) -> None:
        money = event.balance
        self._write(
            LogLevel.INFO,
            "provider.balance",
            event,
            provider=event.provider,
            balance=str(money.amount) if money is not None else None,
            currency=money.currency if money is not None else None,
            told=money is not None,
        )

    def _breaker_moved(self, event: BreakerMoved) -> None:
        self._write(
            LogLevel.INFO,
            "breaker.moved",
            event,
            provider=event.provider,
            channel=event.channel,
            network=event.network,
            before=event.before,
            state=event.after,
            reason=scrub(event.reason, _MAX_REASON),
        )

    def _rested(self, event: Rested) -> None:
        self._write(
            LogLevel.WARNING if event.alert else LogLevel.INFO,
            "provider.rested",
            event,
            provider=event.provider,
            scope=event.scope,
            subject=scrub(event.subject),
            fault=event.fault,
            until=timestamp(event.until) if event.until is not None else None,
            alert=event.alert,
        )

    def _drifted(self, event: PriceDrifted) -> None:
        self._write(
            LogLevel.WARNING,
            "price.drifted",
            event,
            provider=event.provider,
            channel=event.channel,
            network=event.network,
            ratio=round(event.ratio, 4),
        )

    def _drained(self, event: Drained) -> None:
        reason = scrub(event.reason, _MAX_REASON)
        self._write(LogLevel.WARNING, "provider.drained", event, provider=event.provider, reason=reason)

    def _resumed(self, event: Resumed) -> None:
        self._write(LogLevel.INFO, "provider.resumed", event, provider=event.provider)

    def _reloaded(self, event: ConfigReloaded) -> None:
        self._write(LogLevel.INFO, "config.reloaded", event, changes=event.changes, providers=len(event.providers))

    def _refused(self, event: ConfigRefused) -> None:
        problems = [scrub(problem, _MAX_REASON) for problem in event.problems]
        self._write(LogLevel.ERROR, "config.refused", event, problems=problems)

    def _quarantined(self, event: PluginQuarantined) -> None:
        self._write(
            LogLevel.ERROR, "plugin.quarantined", event, plugin=event.plugin, reason=scrub(event.reason, _MAX_REASON)
        )
