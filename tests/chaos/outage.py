"""What the daemon says while it has no disk: it must refuse, and promise nothing."""

from collections.abc import Mapping

REPLAY = "Idempotent-Replay"


class Outage:
    """Judges answers. State: whether there is no disk now, which time that is, and what was said meanwhile."""

    def __init__(self) -> None:
        self._times = 0
        self.number: int | None = None
        """Of the cut since which there is no disk; None while there is one."""
        self.refused = 0
        """Requests that were answered with 503 in the dark."""
        self.wrong: list[str] = []

    def begin(self) -> None:
        """There is no disk any more."""
        self._times += 1
        self.number = self._times

    def end(self) -> None:
        """There is one again."""
        self.number = None

    def answered(self, asked_in: int | None, status: int, said: str, headers: Mapping[str, str]) -> None:
        """Judge an answer to a request that was sent in the dark of this number; None for one in the light.

        What had been written down before may be said again.
        """
        if asked_in is None or asked_in != self.number:
            return
        self.refused += status == 503
        if status == 202 and REPLAY not in headers:
            self.wrong.append(f"without a disk it said {said}")
