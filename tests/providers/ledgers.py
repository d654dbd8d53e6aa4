"""Finds the attempt that each message of a sandbox's ledger belongs to, and the message behind each attempt."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from pointsman.message import HlrLookup
from pointsman.outcome import Accepted, Attempt, Refused, Unknown
from pointsman.sandbox import SandboxMessage
from pointsman.store import Record

from .story import Story

Differences = Iterator[str]

TELLERS = ("devino", "second")
"""Accounts that tell their balance."""


class Try(msgspec.Struct, frozen=True, eq=False):
    """One attempt with the record that it belongs to."""

    record: Record
    attempt: Attempt

    def __str__(self) -> str:
        envelope, attempt = self.record.envelope, self.attempt
        return f"attempt {attempt.number} of {envelope.channel} {envelope.id} to {envelope.to} at {attempt.provider}"

    @property
    def text(self) -> str:
        """Return what was to be sent; lookups have no text."""
        message = self.record.envelope.message
        return "" if isinstance(message, HlrLookup) else message.text

    def is_about(self, message: SandboxMessage) -> bool:
        """Say whether a message of a ledger could be this."""
        envelope = self.record.envelope
        return (message.channel, message.to, message.text) == (envelope.channel, envelope.to, self.text)


class Match(msgspec.Struct, eq=False):
    """One message of a ledger and the attempts that are about it: several where equal messages shared one place."""

    account: str
    message: SandboxMessage
    taken: list[Try] = []
    """Attempts that are accepted."""
    doubtful: list[Try] = []
    """Attempts that stayed unknown."""

    def __str__(self) -> str:
        one = self.message
        return f"{one.channel} {'+'.join(one.ids)} to {one.to} ({one.text[:12]!r}) in the ledger of {self.account}"


class Truth:
    """The ledgers of one story, matched to its attempts. `problems` tells what could not be matched."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.problems: list[str] = []
        self.matches: list[Match] = []
        self.of_message: defaultdict[str, list[Match]] = defaultdict(list)
        self.of_try: dict[tuple[str, int], Match] = {}
        self._tries = [Try(record, attempt) for record in story.records for attempt in record.attempts]
        for account in story.boxes:
            self._match(account)
        for match in self.matches:
            for one in (*match.taken, *match.doubtful):
                self.of_message[one.record.envelope.id].append(match)
                self.of_try[one.record.envelope.id, one.attempt.number] = match

    def _match(self, account: str) -> None:
        here = [one for one in self._tries if one.attempt.provider == account]
        matches = [Match(account, message) for message in self.story.boxes[account].ledger.messages]
        self.matches += matches
        accepted = [one for one in here if isinstance(one.attempt.outcome, Accepted)]
        named = [one for one in accepted if one.attempt.outcome.ids]
        for one in named:
            self._place(one, [match for match in matches if names(account, one.attempt, match.message)])
        for one in accepted:
            if not one.attempt.outcome.ids:
                free = [match for match in matches if not match.taken and one.is_about(match.message)]
                self._place(one, free or _shared(one, matches))
        for one in here:
            if isinstance(one.attempt.outcome, Unknown):
                found = [
                    match
                    for match in matches
                    if not match.taken
                    and one.is_about(match.message)
                    and (not match.doubtful or shares(one, match.doubtful[0]))
                    and could_be(account, one.attempt, match.message)
                ]
                if found:
                    found[0].doubtful.append(one)
        refused = [one for one in here if isinstance(one.attempt.outcome, Refused)]
        for match in matches:
            if not match.taken and not match.doubtful:
                whose = next((one for one in refused if one.is_about(match.message)), None)
                why = f"{whose} is refused: {whose.attempt.outcome}" if whose else "no attempt is about it"
                self.problems.append(f"{match} belongs to nobody; {why}")

    def _place(self, one: Try, found: list[Match]) -> None:
        if not found:
            self.problems.append(f"{one} is accepted as {one.attempt.outcome.ids}, but the ledger has nothing like it")
        elif len(found) > 1 and one.attempt.outcome.ids:
            self.problems.append(f"{one} is accepted with ids of several messages: {', '.join(map(str, found))}")
        elif not one.is_about(found[0].message):
            self.problems.append(f"{one} is accepted as {found[0]}, which is something else ({one.text[:12]!r})")
        elif found[0].taken and not shares(one, found[0].taken[0]):
            self.problems.append(f"{one} and {found[0].taken[0]} both claim {found[0]}")
        else:
            found[0].taken.append(one)


def names(account: str, attempt: Attempt, message: SandboxMessage) -> bool:
    """Say whether an accepted attempt names a message of a ledger."""
    ids = attempt.outcome.ids
    match account:
        case "smstele":
            return ids == (f"{message.ids[0]}/{message.to}",)
        case "affiliate":
            return bool({message.id, f"reference/{message.reference}"}.intersection(ids))
        case _:
            return bool(set(ids).intersection(message.ids))


def could_be(account: str, attempt: Attempt, message: SandboxMessage) -> bool:
    """Say whether an attempt without an answer can be a message of a ledger, by our own reference where it has one."""
    match account:
        case "smstele":
            return message.ids[0] == attempt.call_ref
        case "affiliate":
            return message.reference == attempt.ref
        case _:
            return message.accepted_at >= attempt.started_at - 1e-6


def shares(one: Try, other: Try) -> bool:
    """Say whether two messages may have taken one place of one request."""
    same_request = one.attempt.call_ref == other.attempt.call_ref
    return same_request and one.record.envelope.to == other.record.envelope.to and one.text == other.text


def _shared(one: Try, matches: list[Match]) -> list[Match]:
    return [match for match in matches if match.taken and shares(one, match.taken[0])]
