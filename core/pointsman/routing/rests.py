"""Who may not be used for a while, and why: the consequences of refusals, each in the scope of its blame.

The breaker judges a provider's health; this judges refusals that say nothing about health: an account without money, a
sender that is not allowed, an adapter that sends nonsense. Times are wall time, because rests outlive a process.
"""

import enum
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import assert_never

import msgspec

from pointsman.message import Channel
from pointsman.outcome import Accepted, Fault, Outcome, Refused
from pointsman.routing.failover import RULES, Blame

SENDER_BLOCK = 24 * 3600.0
OPERATION_STOP = 600.0
OPERATION_LIMIT = 3
"""Refusals of our own making in a row that stop the operation."""
DECLINED_WINDOW = 600.0
DECLINED_LIMIT = 5
"""Different messages declined within the window that give the provider a rest."""
DECLINED_REST = 900.0
ACCOUNT_PROBE = 1800.0
"""Between tries of a refused account: often enough to notice a cure, too seldom to be locked out."""
CREDITS_REST = 900.0
CREDITS_LONGEST = 7200.0
CREDITS_DOUBLINGS = 16
"""No rest is doubled more often; the longest one is reached long before."""
LOCKED_OUT = frozenset({Fault.CREDENTIALS, Fault.FORBIDDEN})
LET_IN = frozenset({Fault.RECIPIENT, Fault.CONTENT, Fault.SENDER, Fault.DECLINED, Fault.CREDITS})
"""Refusals that a provider can only give once it has let our account in, so that they end its being locked out.

Not among them are those that may come before anybody looks at the account: malformed or too large (`request`,
`limit`), an address that does not exist (`unsupported`), too fast, out of order. None of them ends a want of money:
a bad number may be refused before the price is looked at. That ends when a message is taken or a balance is read.
"""


class Scope(enum.StrEnum):
    """How much is out of use."""

    PROVIDER = "provider"
    CHANNEL = "channel"
    SENDER = "sender"
    OPERATION = "operation"


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is out of use."""

    scope: Scope
    provider: str
    subject: str
    """The channel or sender; for a whole provider its name."""
    fault: Fault
    began: float
    """Outcomes of messages that left before then say nothing about whether it is over."""
    until: float
    """Ends by itself then; infinite when only the configuration ends it."""
    probe_at: float
    """From then on one message may try; infinite for never."""
    alert: bool
    probing: bool = False
    """A message was let through to try: its refusal is news, another one comes from before the rest."""


Key = tuple[Scope, str]
"""A scope and its subject, within one provider."""


class Rests:
    """What is out of use, and the counters that lead there. One object for a router."""

    def __init__(self) -> None:
        self._rests: dict[str, dict[Key, Rest]] = defaultdict(dict)
        """By provider: most of them have none, which is quickly seen."""
        self._nonsense: dict[tuple[str, Channel], int] = defaultdict(int)
        self._declined: dict[str, deque[tuple[float, str]]] = defaultdict(deque)
        self._credit_rests: dict[str, int] = defaultdict(int)

    def __repr__(self) -> str:
        return f"<Rests {[(rest.scope.value, rest.provider, rest.subject) for rest in self]}>"

    def __iter__(self) -> Iterator[Rest]:
        return iter([rest for resting in self._rests.values() for rest in resting.values()])

    def blocking(self, provider: str, channel: Channel, sender: str | None, now: float) -> Rest | None:
        """Return what keeps this provider from taking such a message now; None when nothing does, or a probe is due."""
        resting = self._rests.get(provider)
        if not resting:
            return None
        for key in _keys(provider, channel, sender):
            rest = resting.get(key)
            if rest is None:
                continue
            if now >= rest.until:
                del resting[key]
            elif now < rest.probe_at:
                return rest
        return None

    def enter(self, provider: str, channel: Channel, sender: str | None, now: float) -> bool:
        """Note that a message goes there now; where a probe was due, it is this one (True), and the next is later."""
        resting = self._rests.get(provider)
        if not resting:
            return False
        probe = False
        for key in _keys(provider, channel, sender):
            rest = resting.get(key)
            if rest is not None and rest.probe_at <= now < rest.until:
                later = now + self._probe_interval(rest)
                resting[key] = msgspec.structs.replace(rest, probe_at=later, probing=True)
                probe = True
        return probe

    def leave(self, provider: str, channel: Channel, sender: str | None, now: float) -> None:
        """Note that a message which was let through as a probe never left: the probe is due again."""
        resting = self._rests.get(provider, {})
        for key in _keys(provider, channel, sender):
            rest = resting.get(key)
            if rest is not None and rest.probing:
                resting[key] = msgspec.structs.replace(rest, probe_at=min(now, rest.probe_at), probing=False)

    def note(
        self,
        provider: str,
        channel: Channel,
        sender: str | None,
        message_id: str,
        outcome: Outcome,
        now: float,
        *,
        started_at: float | None = None,
    ) -> Rest | None:
        """Draw the consequences of an outcome; return the rest that it began, if any.

        `started_at` is when the message left (wall time). Where it is given, a message from before a rest neither ends
        it nor repeats it.
        """
        if isinstance(outcome, Accepted):
            self._proved(provider, channel, sender, started_at)
            return None
        if not isinstance(outcome, Refused):
            return None
        if outcome.fault is not Fault.REQUEST:
            self._nonsense.pop((provider, channel), None)
        if self._is_old_news(provider, channel, sender, outcome.fault, now, started_at):
            return None
        if outcome.fault in LET_IN:
            self._let_in(provider, started_at)
        rest = self._consequence(provider, channel, sender, message_id, outcome.fault, now)
        return None if rest is None else self._begin(rest, now)

    def balance_read(self, provider: str, *, sufficient: bool) -> None:
        """Note that a provider's balance is known again; a sufficient one ends the rest for want of money."""
        if sufficient and self.wants_money(provider):
            del self._rests[provider][Scope.PROVIDER, provider]
            self._credit_rests.pop(provider, None)

    def clear(self, provider: str) -> None:
        """End every rest of a provider: the operator acted, or the configuration changed."""
        self._rests.pop(provider, None)
        for channel in Channel:
            self._nonsense.pop((provider, channel), None)
        self._credit_rests.pop(provider, None)
        self._declined.pop(provider, None)

    def lift(self, provider: str) -> None:
        """End the rests that have no end of their own: the operator acted, or the configuration changed.

        A want of money is none of them: it ends when money is there.
        """
        resting = self._rests.get(provider, {})
        for key, rest in tuple(resting.items()):
            if rest.until == float("inf") and rest.fault is not Fault.CREDITS:
                del resting[key]

    def let_in(self, provider: str) -> None:
        """Note that the provider knows our account again, by what it answered to a question."""
        rest = self._whole(provider)
        if rest is not None and rest.fault in LOCKED_OUT:
            del self._rests[provider][Scope.PROVIDER, provider]

    def try_now(self, provider: str, now: float) -> None:
        """Let one message try what rests there and may be tried at all."""
        resting = self._rests.get(provider, {})
        for key, rest in tuple(resting.items()):
            if rest.probe_at != float("inf"):
                resting[key] = msgspec.structs.replace(rest, probe_at=min(rest.probe_at, now))

    def wants_money(self, provider: str) -> bool:
        """Say whether a provider rests for want of money, so that its balance is worth asking for."""
        rest = self._whole(provider)
        return rest is not None and rest.fault is Fault.CREDITS

    def _whole(self, provider: str) -> Rest | None:
        """Return the rest of a provider as a whole."""
        return self._rests[provider].get((Scope.PROVIDER, provider))

    def _begin(self, rest: Rest, now: float) -> Rest | None:
        """Put a rest in force unless a longer one is; return it unless messages from before it only repeat it."""
        resting, key = self._rests[rest.provider], (rest.scope, rest.subject)
        current = resting.get(key)
        if current is not None and current.until > rest.until:
            return None
        resting[key] = rest
        return None if current is not None and _repeats(rest, current, now) else rest

    def _proved(self, provider: str, channel: Channel, sender: str | None, started_at: float | None) -> None:
        """An accepted message ends the rests that it would have fallen under, unless it left before they began."""
        self._nonsense.pop((provider, channel), None)
        resting = self._rests.get(provider)
        if resting:
            for key in _keys(provider, channel, sender):
                rest = resting.get(key)
                if rest is not None and (started_at is None or started_at > rest.began):
                    del resting[key]
        if self._credit_rests and not self.wants_money(provider):
            self._credit_rests.pop(provider, None)

    def _let_in(self, provider: str, started_at: float | None) -> None:
        """The provider knows our account again."""
        rest = self._whole(provider)
        if rest is not None and rest.fault in LOCKED_OUT:
            later = rest.probing if started_at is None else started_at > rest.began
            if later:
                del self._rests[provider][Scope.PROVIDER, provider]

    def _is_old_news(
        self, provider: str, channel: Channel, sender: str | None, fault: Fault, now: float, started_at: float | None
    ) -> bool:
        """Say whether a refusal only repeats what began a rest while its message was on its way."""
        resting = self._rests.get(provider)
        if not resting or started_at is None:
            return False
        rests = [rest for key in _keys(provider, channel, sender) if (rest := resting.get(key)) is not None]
        return any(rest.fault is fault and started_at <= rest.began and now < rest.until for rest in rests)

    def _consequence(
        self, provider: str, channel: Channel, sender: str | None, message_id: str, fault: Fault, now: float
    ) -> Rest | None:
        blame = RULES[fault].blame
        match blame:
            case Blame.NOBODY | Blame.CELL | Blame.PACE:
                return None
            case Blame.SENDER:
                return _rest(Scope.SENDER, provider, sender or "", fault, now, until=now + SENDER_BLOCK)
            case Blame.CAPABILITY:
                return _rest(Scope.CHANNEL, provider, channel.value, fault, now)
            case Blame.OPERATION:
                self._nonsense[provider, channel] += 1
                if self._nonsense[provider, channel] < OPERATION_LIMIT:
                    return None
                self._nonsense[provider, channel] = 0
                return _rest(Scope.OPERATION, provider, channel.value, fault, now, until=now + OPERATION_STOP)
            case Blame.MESSAGES:
                return self._after_decline(provider, message_id, now)
            case Blame.ACCOUNT:
                return self._account(provider, fault, now)
            case _:
                assert_never(blame)

    def _after_decline(self, provider: str, message_id: str, now: float) -> Rest | None:
        declined = self._declined[provider]
        declined.append((now, message_id))
        while declined[0][0] <= now - DECLINED_WINDOW:
            declined.popleft()
        if len({declined_id for _, declined_id in declined}) < DECLINED_LIMIT:
            return None
        declined.clear()
        return _rest(Scope.PROVIDER, provider, provider, Fault.DECLINED, now, until=now + DECLINED_REST)

    def _account(self, provider: str, fault: Fault, now: float) -> Rest:
        if fault is Fault.CREDITS:
            current = self._whole(provider)
            if current is None or current.fault is not fault or current.probing:
                self._credit_rests[provider] = min(self._credit_rests[provider] + 1, CREDITS_DOUBLINGS)
            return _rest(
                Scope.PROVIDER, provider, provider, fault, now, probe_at=now + self._credits_interval(provider)
            )
        return _rest(Scope.PROVIDER, provider, provider, fault, now, probe_at=now + ACCOUNT_PROBE)

    def _credits_interval(self, provider: str) -> float:
        doublings = max(self._credit_rests[provider] - 1, 0)
        return min(CREDITS_REST * 2.0**doublings, CREDITS_LONGEST)

    def _probe_interval(self, rest: Rest) -> float:
        return self._credits_interval(rest.provider) if rest.fault is Fault.CREDITS else ACCOUNT_PROBE


def _repeats(rest: Rest, current: Rest, now: float) -> bool:
    return current.fault is rest.fault and now < current.until and not current.probing


def _keys(provider: str, channel: Channel, sender: str | None) -> tuple[Key, ...]:
    return (
        (Scope.PROVIDER, provider),
        (Scope.CHANNEL, channel.value),
        (Scope.OPERATION, channel.value),
        (Scope.SENDER, sender or ""),
    )


def _rest(
    scope: Scope,
    provider: str,
    subject: str,
    fault: Fault,
    began: float,
    *,
    until: float = float("inf"),
    probe_at: float = float("inf"),
) -> Rest:
    return Rest(
        scope=scope,
        provider=provider,
        subject=subject,
        fault=fault,
        began=began,
        until=until,
        probe_at=probe_at,
        alert=RULES[fault].alert,
    )
