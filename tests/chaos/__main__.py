"""The long run: `python -m tests.chaos --times 200 --seed 1 [--way kill] [--faults]`. Prints what it came to.

The ways are kill, terminate, reload and power; the last one needs root, a loop mount and `mkfs.ext4`.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec

from .run import Plan, Way, perform

SHOWN = 20
"""Of what is wrong."""


def main() -> int:
    """Run one plan; return 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--way", type=Way, choices=list(Way), default=Way.KILL)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--longest", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, help="where journal and log stay; a temporary one is removed")
    given = parser.parse_args()
    plan = Plan(seed=given.seed, times=given.times, way=given.way, faults=given.faults, longest=given.longest)
    with tempfile.TemporaryDirectory() as folder:
        verdict = asyncio.run(perform(plan, given.folder or Path(folder)))
    wrong = verdict.wrong
    if len(wrong) > SHOWN:
        verdict = msgspec.structs.replace(verdict, wrong=(*wrong[:SHOWN], f"and {len(wrong) - SHOWN} more"))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode() + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
