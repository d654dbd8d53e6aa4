"""Days, by which quotas count."""

from datetime import UTC, datetime


def day_of(at: float) -> str:
    """Return the day of a moment (UTC), such as `2026-11-28`."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
