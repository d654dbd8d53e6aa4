"""At the start an SMS that nobody recorded is made, but not one that this very process is about to record."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointsman.engine.recovery import Recovery


class Books:
    """The records of a Viber message whose SMS is expected and not there."""

    async def expected(self) -> dict[str, str]:
        """Return what is about to step in."""
        return {"viber": "sms"}

    async def get(self, message_id: str) -> object:
        """Return a record."""
        return SimpleNamespace(sms="sms", envelope="viber") if message_id == "viber" else None

    async def insist(self, step: Any) -> object:
        """Do something until it works."""
        return await step()


class Watches:
    """Messages that are seen to."""

    def __init__(self, *known: str) -> None:
        self.known = list(known)

    def watches(self, message_id: str) -> bool:
        """Say whether one is."""
        return message_id in self.known

    def watch(self, parsed: object, *, given_up: bool) -> None:
        """See to one."""
        self.known.append(str(parsed))


@pytest.mark.parametrize("known", [(), ("viber",)])
async def test_what_this_process_sees_to_is_not_seen_to_twice(known: tuple[str, ...]):
    """Two watches of one message would send its SMS twice."""
    watches = Watches(*known)
    parts: dict[str, Any] = {
        "desk": SimpleNamespace(recorder=Books()),
        "serving": SimpleNamespace(fallbacks=watches),
        "door": SimpleNamespace(routed=lambda envelope: envelope),
    }
    recovery = Recovery(tracking=cast("Any", None), doubts=cast("Any", None), debts=cast("Any", None), **parts)

    await recovery._step_in()

    assert watches.known == ["viber"]
