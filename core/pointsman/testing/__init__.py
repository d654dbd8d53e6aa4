"""Help for tests of routers and plugins: a clock that stands still, and a provider that does what a script says."""

from pointsman.testing.clock import FakeClock
from pointsman.testing.sandbox import Refusal, ScriptedSandbox, Seen
from pointsman.testing.scripted import SCRIPTED, Scripted
from pointsman.testing.settings import Reconcile, ScriptedSettings
from pointsman.testing.steps import (
    Step,
    answer_status,
    cut_short,
    expire,
    garble,
    hang,
    hang_up,
    normal,
    refuse,
    take_late,
)

__all__ = [
    "SCRIPTED",
    "FakeClock",
    "Reconcile",
    "Refusal",
    "Scripted",
    "ScriptedSandbox",
    "ScriptedSettings",
    "Seen",
    "Step",
    "answer_status",
    "cut_short",
    "expire",
    "garble",
    "hang",
    "hang_up",
    "normal",
    "refuse",
    "take_late",
]
