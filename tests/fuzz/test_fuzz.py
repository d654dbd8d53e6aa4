"""Whatever is sent to the server: it answers as documented, stays up, and lets nothing out.

This is the short run; `python -m tests.fuzz --requests 100000` is the long one.
"""

from pathlib import Path

import pytest

from pointsman.message import Channel, Fallback, HlrLookup, Sms, Viber

from .run import CALLERS, Plan, perform
from .world import PREFIX, TEXT


@pytest.mark.timeout(120)
async def test_nothing_that_is_sent_does_harm(tmp_path: Path) -> None:
    """No 5xx, nothing undocumented, no traceback, no secret, number or text in what is shown."""
    verdict = await perform(Plan(seed=7, requests=4000), tmp_path)

    assert verdict.findings == ()
    assert verdict.callbacks > 500
    assert verdict.taken * 4 >= verdict.posts, "hardly anything was taken, so nothing was tried behind the door"
    assert min(verdict.arrays, *(verdict.messages.get(one, 0) for one in Channel)) > 50
    assert verdict.cancelled > 10
    assert min(verdict.reported.get(name, 0) for name in CALLERS) > 20
    assert verdict.statuses["200"] > 500
    assert verdict.looked_at > 1_000_000


@pytest.mark.parametrize(
    "message",
    [
        Sms(to=f"7{PREFIX}0000", text=TEXT),
        Viber(to=f"7{PREFIX}0000", text=TEXT, fallback=Fallback(text=TEXT)),
        HlrLookup(to=f"7{PREFIX}0000"),
    ],
)
def test_a_message_shows_neither_number_nor_text(message: Sms | Viber | HlrLookup) -> None:
    """What a message looks like in a log or an error tells its kind, not its recipient and what it says."""
    shown = repr(message)

    assert type(message).__name__ in shown
    assert PREFIX not in shown
    assert TEXT not in shown
