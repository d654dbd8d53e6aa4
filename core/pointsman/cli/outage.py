"""Notices when no provider takes anything, so that a file is not used up while nobody is there to send it."""

from collections.abc import Sequence

from pointsman.cli.job import Taken
from pointsman.cli.results import attempts_of
from pointsman.outcome import Fault, Receipt, Refused, State

LONGEST = 20
"""Rows one after another that no provider took, for no reason of their own; more are not tried."""
_NOT_TAKEN = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
_OF_THE_PROVIDER = frozenset(
    {Fault.UNAVAILABLE, Fault.THROTTLED, Fault.CREDENTIALS, Fault.FORBIDDEN, Fault.CREDITS, Fault.NO_ROUTE}
)


class Outage:
    """Keeps back what became of rows that no provider took, until another row shows that it was about them.

    State: the rows kept back, in the order in which they ended. Once there are `LONGEST`, nothing is let go any more:
    these rows count as not yet done.
    """

    def __init__(self) -> None:
        self.held: list[Taken] = []

    @property
    def found(self) -> bool:
        """There is nobody who would take anything."""
        return len(self.held) >= LONGEST

    def sift(self, taken: Sequence[Taken], *, stopping: bool) -> list[Taken]:
        """Return the rows whose end is certain by now; a job that is `stopping` leaves the others to the next run."""
        certain: list[Taken] = []
        for one in taken:
            if is_unserved(one[1]):
                self.held.append(one)
                continue
            if not (stopping or self.found):
                certain += self.end()
            certain.append(one)
        return certain

    def end(self) -> list[Taken]:
        """Return what was kept back, and forget it."""
        held, self.held = self.held, []
        return held

    @property
    def words(self) -> str:
        """What is the matter."""
        faults = {fault for _, receipt in self.held for fault in _faults(receipt)}
        if faults == {Fault.UNAVAILABLE}:
            return "every provider is unreachable"
        why = f" ({', '.join(sorted(faults))})" if faults else ""
        return f"no provider takes anything at present{why}"


def is_unserved(receipt: Receipt) -> bool:
    """Say whether nothing was sent, for reasons that lie with the providers and not with the message."""
    return (
        receipt.state in _NOT_TAKEN
        and all(isinstance(attempt.outcome, Refused) for attempt in attempts_of(receipt))
        and _faults(receipt) <= _OF_THE_PROVIDER
    )


def _faults(receipt: Receipt) -> set[Fault]:
    return {attempt.outcome.fault for attempt in attempts_of(receipt) if isinstance(attempt.outcome, Refused)}
