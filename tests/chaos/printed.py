"""What the daemon printed in all its lives: no traceback, whatever happened to it."""

from pathlib import Path


def said(log: Path) -> list[str]:
    """Return what is wrong with a log."""
    lines = log.read_text(errors="replace").splitlines()
    return [f"the log has a traceback: {line[:300]}" for line in lines if "Traceback" in line]
