"""Help for tests of routers and plugins: a still clock, a provider that follows a script, a check of strategies."""

from pointsman.testing.clock import FakeClock
from pointsman.testing.kept import KeptStore
from pointsman.testing.ranking import sample_offers, strategy_problems
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
    "KeptStore",
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
    "sample_offers",
    "strategy_problems",
    "take_late",
]
