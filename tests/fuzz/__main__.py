"""The long run: `python -m tests.fuzz --requests 100000 --seed 1`. Prints what it came to."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec

from .run import Plan, perform


def main() -> int:
    """Run one plan; return 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        verdict = asyncio.run(perform(Plan(seed=given.seed, requests=given.requests), Path(folder)))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode() + "\n")
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
