"""Values that are odd, each in its own way."""

from collections.abc import Sequence
from typing import Any

from .world import PATH

HUGE = 10**400
ODD_TEXTS: Sequence[str] = (
    "", " ", "\x00", "\x1b[31m", "\r\nX: y", "‮", "\U0001f600" * 50, "é" * 700, "İ", "\ufeff", "'; --",
    "${jndi}", "%s%n", "{}", "{0}", "../../etc/passwd", "null", "true", "0", "-1", "1e999", "NaN", "١٢٣", "²", "५",
    "٠" * 11, "x" * 300, "x" * 60_000, "\ud800", "\udfff\ud800", "a\u0301" * 40,
)  # fmt: skip
ODD_VALUES: Sequence[Any] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 1e308, -0.0, 5e-324, 1.5, HUGE, [], {},
    [None], [[]], {"": ""}, ["x"] * 200, {"a": {"b": {"c": []}}},
)  # fmt: skip
ODD_TIMES: Sequence[str] = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999Z",
    "2026-02-30T00:00:00Z", "2026-12-01T24:00:00Z", "2026-12-01T23:59:60Z", "2026-12-01", "2026-12-01T09:00:00",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59", "1970-01-01T00:00:00Z", "2026-12-01T09:00:00+23:59", "now",
    "2026-03-29T02:30:00", "2026-12-01T09:00:00.1234567890123Z", "-2026-12-01T09:00:00Z",
)  # fmt: skip
ODD_LIVES: Sequence[Any] = (
    "5m", "PT5M", "P9999DT99999H9999999M999999999S", "PT0S", "P", "PT", "1h30m", "-5m", "9" * 40 + "s", 1e308, 1e-300,
    0, -1, 90, "PT0.000001S", "٥m", "5 m",
)  # fmt: skip
ODD_URLS: Sequence[str] = (
    f"https://hooks.invalid/{PATH}", "https://", "https://[", "https://[::1", "https://hooks.invalid:99999/", "//x",
    "https://user:secret@hooks.invalid/", "javascript:1", "https://hooks.invalid/\n", "https://127.0.0.1/",
    "https://hooks.invalid:0/", "https://0x7f.1/", "https://%00/", "https://xn--/", "https://" + "a." * 200 + "b/",
    "https://hooks.invalid/" + "x" * 2040, "https://ｈooks.invalid/", "https://[fe80::1%25eth0]/",
)  # fmt: skip
FIELDS: Sequence[str] = (
    "channel", "to", "text", "sender", "class", "ttl", "send_at", "send_at_local", "reference", "callback_url", "tags",
    "flash", "transliterate", "fallback",
)  # fmt: skip
