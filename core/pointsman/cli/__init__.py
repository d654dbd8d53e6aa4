"""The command line: `pointsman`. What a command needs is imported when it is called, so that `--help` starts fast."""

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

TRACEBACK = "POINTSMAN_TRACEBACK"
"""The environment variable that shows the traceback of an internal error."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 good, 1 failed, 2 usage or configuration, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter gets its escape, not an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return _fail("interrupted", code=130)
    except BrokenPipeError:
        _forget_standard_output()
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: nobody is shown a traceback
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _forget_standard_output()
            return _fail(f"cannot write: {error.strerror}", code=1)
        return _internal(error)


def _run(arguments: list[str]) -> int:
    from cyclopts import CycloptsError, UnusedCliTokensError

    from pointsman.cli.app import ReaderGone, build_app, spelled_out
    from pointsman.cli.exits import ExitCode, UsageError
    from pointsman.errors import (
        ConfigError,
        InvalidMessage,
        InvalidQuestion,
        NotOffered,
        PluginError,
        PointsmanError,
    )

    try:
        code = build_app()(spelled_out(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        command = " ".join(("pointsman", *(error.command_chain or ())))
        words = str(error)
        if isinstance(error, UnusedCliTokensError):
            words = f"{' '.join(error.unused_tokens or ())}: there is no place for this"
        return _fail(words, f"see: {command} --help", code=ExitCode.USAGE)
    except UsageError as error:
        return _fail(*error.lines, code=ExitCode.USAGE)
    except ConfigError as error:
        return _fail(*map(str, error.problems), code=ExitCode.USAGE)
    except (InvalidMessage, InvalidQuestion, NotOffered, PluginError) as error:
        return _fail(str(error), code=ExitCode.USAGE)
    except PointsmanError as error:
        return _fail(str(error), code=ExitCode.FAILED)
    except ReaderGone:
        _forget_standard_output()
        return ExitCode.GOOD
    return int(code or 0)


def _fail(*lines: str, code: int) -> int:
    for line in lines:
        # Without a standard error, `print` would take standard output instead.
        if sys.stderr is not None:
            print(f"pointsman: {line}", file=sys.stderr)
    return code


def _internal(error: Exception) -> int:
    """Say that the fault is ours, and where. The error's own text stays out: anything may stand in it."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return _fail(f"internal error: {type(error).__name__}{place}, please report it ({TRACEBACK}=1 shows more)", code=1)


def _forget_standard_output() -> None:
    from pointsman.cli.output import forget_standard_output

    forget_standard_output()
