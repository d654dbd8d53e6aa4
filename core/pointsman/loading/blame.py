"""Says what an error of a plugin was and where in the plugin it came from, without the folders of this machine."""

import re
import traceback
from pathlib import PurePath

MAX_WORDS = 300
"""Characters of an error's own words."""
_FILE = re.compile(r"/[^'\"()\n]+\.(?:py|so)\b")
"""A file as Python names it when a module lacks what is imported from it."""


def described(error: BaseException, package: str | None = None) -> str:
    """Return the kind of an error, its first words, and file and line; never raises, whatever the error is.

    `package` is the plugin's own, outermost one: the line is the last one in it, so that what a plugin did wrong with
    somebody else's code is found where the plugin did it. Without it, it is the last line of all.
    """
    words = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, ImportError | AttributeError):
        words = _FILE.sub(lambda found: _shown(found[0], package), words)
    places = [place for place in (_last_line(error, package), _broken_line(error, package)) if place is not None]
    return f"{words[:MAX_WORDS]} ({', '.join(places)})" if places else words[:MAX_WORDS]


def _last_line(error: BaseException, package: str | None) -> str | None:
    """Return the line of the plugin that was being run."""
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if package is None or str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
            found = f"{_shown(frame.f_code.co_filename, package)}:{line}"
    return found


def _broken_line(error: BaseException, package: str | None) -> str | None:
    """Return the line that is not Python."""
    if isinstance(error, SyntaxError) and isinstance(error.filename, str):
        return f"{_shown(error.filename, package)}:{error.lineno}"
    return None


def _shown(filename: str, package: str | None) -> str:
    """Return a file's path from the plugin's package on; of any other file only the name."""
    parts = PurePath(filename).parts
    if package in parts[:-1]:
        return "/".join(parts[parts.index(package) :])
    return parts[-1] if parts else filename
