"""Measurements of speed, as ratios within one run: machines differ, ratios do not."""

from pointsman.bench.routing import run_routing
from pointsman.bench.run import BENCHES, run_bench, run_journal

__all__ = ["BENCHES", "run_bench", "run_journal", "run_routing"]
