"""How a command ends: the exit codes, and the error for a command that was used wrongly."""

import enum

from pointsman.errors import PointsmanError


class ExitCode(enum.IntEnum):
    """What the shell is told."""

    GOOD = 0
    FAILED = 1
    """The job failed, wholly or in part."""
    USAGE = 2
    """Wrong usage, wrong configuration or wrong input; nothing was sent."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM."""


class UsageError(PointsmanError):
    """The command cannot be carried out as it was given; nothing was sent. Each of `lines` is one thing to mend."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
