"""The command line: `pointsman`. What a command needs is imported when it is called, so that `--help` starts fast."""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

TRACEBACK = "POINTSMAN_TRACEBACK"
"""The environment variable that shows the traceback of an internal error."""


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
        # The reader is gone. What is still buffered must not fail again when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: nobody is shown a traceback
        return _internal(error)


def _run(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from pointsman.cli.app import build_app
    from pointsman.cli.exits import ExitCode, UsageError
    from pointsman.errors import ConfigError, InvalidMessage, PluginError, PointsmanError

    try:
        code = build_app()(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        command = " ".join(("pointsman", *(error.command_chain or ())))
        return _fail(str(error), f"see: {command} --help", code=ExitCode.USAGE)
    except UsageError as error:
        return _fail(*error.lines, code=ExitCode.USAGE)
    except ConfigError as error:
        return _fail(*map(str, error.problems), code=ExitCode.USAGE)
    except (InvalidMessage, PluginError) as error:
        return _fail(str(error), code=ExitCode.USAGE)
    except PointsmanError as error:
        return _fail(str(error), code=ExitCode.FAILED)
    return int(code or 0)


def _fail(*lines: str, code: int) -> int:
    for line in lines:
        print(f"pointsman: {line}", file=sys.stderr)
    return code


def _internal(error: Exception) -> int:
    """Say that the fault is ours, and where. The error's own text stays out: anything may stand in it."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return _fail(f"internal error: {type(error).__name__}{place}, please report it ({TRACEBACK}=1 shows more)", code=1)
